/*
 * Says what the compiler makes of FreeSWITCH's binary interface: one line a size, an offset, a value. Compiled twice, with
 * include/freeswitch_abi.h and, THEIRS, with FreeSWITCH's own headers; tests/freeswitch_abi.sh compares. Function types compare
 * themselves: with THEIRS each function is declared twice, and a difference is an error.
 */
#include <stddef.h>
#include <stdio.h>

#ifdef THEIRS
#include <switch.h>
#define FREESWITCH_ABI_FUNCTIONS_ONLY
#endif
#include "freeswitch_abi.h"

#define SIZE(type) printf("%s: %zu bytes\n", #type, sizeof(type));
#define FIELD(field) printf("    .%s: %zu bytes at %zu\n", #field, sizeof(((IN *)0)->field), offsetof(IN, field));
#define VALUE(name) printf("%s: %ld\n", #name, (long)(name));
/* A function pointer type: declared with ours in mind, given a function of theirs. */
#define TAKES(type, result, ...)                                                                                       \
    {                                                                                                                  \
        result (*ours)(__VA_ARGS__) = NULL;                                                                            \
        type theirs = ours;                                                                                            \
        (void)theirs;                                                                                                  \
    }

static void values(void)
{
    VALUE(SWITCH_API_VERSION) VALUE(MESSAGE_STRING_ARG_MAX)
    VALUE(SWITCH_FALSE) VALUE(SWITCH_TRUE) VALUE(SWITCH_STATUS_SUCCESS) VALUE(SWITCH_STATUS_FALSE)
    VALUE(SWITCH_STATUS_NOUNLOAD) VALUE(SSH_FLAG_PRE_EXEC)
    VALUE(SWITCH_LOG_ERROR) VALUE(SWITCH_LOG_WARNING) VALUE(SWITCH_LOG_NOTICE)
    VALUE(SWITCH_LOG_INFO) VALUE(SWITCH_LOG_DEBUG) VALUE(SWITCH_CHANNEL_ID_LOG)
    VALUE(SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER) VALUE(CS_NEW) VALUE(CS_EXECUTE) VALUE(CS_HANGUP)
    VALUE(SWITCH_APPLICATION_INTERFACE) VALUE(SWITCH_API_INTERFACE)
    VALUE(SWITCH_EVENT_CUSTOM) VALUE(SWITCH_EVENT_API) VALUE(SWITCH_EVENT_CHANNEL_HOLD) VALUE(SWITCH_EVENT_CHANNEL_UNHOLD) VALUE(SWITCH_STACK_BOTTOM)
    VALUE(SWITCH_MESSAGE_INDICATE_BRIDGE) VALUE(SWITCH_MESSAGE_INDICATE_UNBRIDGE)
    VALUE(SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC) VALUE(SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC_COMPLETE)
    VALUE(SWITCH_ABC_TYPE_INIT) VALUE(SWITCH_ABC_TYPE_WRITE_REPLACE) VALUE(SWITCH_ABC_TYPE_READ_REPLACE)
    VALUE(SWITCH_ABC_TYPE_CLOSE)
    VALUE(SMBF_WRITE_REPLACE) VALUE(SMBF_READ_REPLACE) VALUE(SMBF_ANSWER_REQ) VALUE(SMBF_NO_PAUSE) VALUE(SMBF_LOCK)
    VALUE(SFF_CNG) VALUE(SFF_PLC)
}

static void scalars(void)
{
    SIZE(switch_bool_t) SIZE(switch_status_t) SIZE(switch_log_level_t) SIZE(switch_text_channel_t)
    SIZE(switch_call_cause_t) SIZE(switch_channel_state_t) SIZE(switch_module_interface_name_t) SIZE(switch_event_types_t)
    SIZE(switch_stack_t) SIZE(switch_core_session_message_types_t) SIZE(switch_abc_type_t) SIZE(switch_media_bug_flag_t)
    SIZE(switch_media_bug_flag_enum_t) SIZE(switch_module_flag_t) SIZE(switch_xml_t) SIZE(switch_io_flag_t)
}

static void structs(void)
{
#define IN switch_loadable_module_function_table_t
    SIZE(IN) FIELD(switch_api_version) FIELD(load) FIELD(shutdown) FIELD(runtime) FIELD(flags)
#undef IN
#define IN switch_application_interface_t
    SIZE(IN) FIELD(interface_name) FIELD(application_function) FIELD(long_desc) FIELD(short_desc) FIELD(syntax) FIELD(flags)
    FIELD(rwlock) FIELD(refs) FIELD(reflock) FIELD(parent) FIELD(next)
#undef IN
#define IN switch_api_interface_t
    SIZE(IN) FIELD(interface_name) FIELD(desc) FIELD(function) FIELD(syntax) FIELD(rwlock) FIELD(refs) FIELD(reflock)
    FIELD(parent) FIELD(next)
#undef IN
#define IN switch_loadable_module_interface_t
    SIZE(IN) FIELD(module_name) FIELD(endpoint_interface) FIELD(timer_interface) FIELD(dialplan_interface)
    FIELD(codec_interface) FIELD(application_interface) FIELD(chat_application_interface) FIELD(api_interface)
    FIELD(json_api_interface) FIELD(file_interface) FIELD(speech_interface) FIELD(directory_interface) FIELD(chat_interface)
    FIELD(say_interface) FIELD(asr_interface) FIELD(management_interface) FIELD(limit_interface) FIELD(database_interface)
    FIELD(rwlock) FIELD(refs) FIELD(pool)
#undef IN
#define IN switch_stream_handle_t
    SIZE(IN) FIELD(read_function) FIELD(write_function) FIELD(raw_write_function) FIELD(data) FIELD(end) FIELD(data_size)
    FIELD(data_len) FIELD(alloc_len) FIELD(alloc_chunk) FIELD(param_event)
#undef IN
#define IN switch_state_handler_table_t
    SIZE(IN) FIELD(on_init) FIELD(on_routing) FIELD(on_execute) FIELD(on_hangup) FIELD(on_exchange_media)
    FIELD(on_soft_execute) FIELD(on_consume_media) FIELD(on_hibernate) FIELD(on_reset) FIELD(on_park) FIELD(on_reporting)
    FIELD(on_destroy) FIELD(flags) FIELD(padding)
#undef IN
#define IN switch_core_session_message_t
    SIZE(IN) FIELD(from) FIELD(message_id) FIELD(numeric_arg) FIELD(string_arg) FIELD(string_arg_size) FIELD(pointer_arg)
    FIELD(pointer_arg_size) FIELD(numeric_reply) FIELD(string_reply) FIELD(string_reply_size) FIELD(pointer_reply)
    FIELD(pointer_reply_size) FIELD(flags) FIELD(_file) FIELD(_func) FIELD(_line) FIELD(string_array_arg) FIELD(delivery_time)
#undef IN
#define IN switch_event_header_t
    SIZE(IN) FIELD(name) FIELD(value) FIELD(array) FIELD(idx) FIELD(hash) FIELD(next)
#undef IN
#define IN switch_frame_geometry_t
    SIZE(IN) FIELD(w) FIELD(h) FIELD(x) FIELD(y) FIELD(z) FIELD(M) FIELD(X)
#undef IN
#define IN switch_frame_t
    SIZE(IN) FIELD(codec) FIELD(source) FIELD(packet) FIELD(packetlen) FIELD(extra_data) FIELD(data) FIELD(datalen)
    FIELD(buflen) FIELD(samples) FIELD(rate) FIELD(channels) FIELD(payload) FIELD(timestamp) FIELD(seq) FIELD(ssrc) FIELD(m)
    FIELD(flags) FIELD(user_data) FIELD(pmap) FIELD(img) FIELD(geometry)
#undef IN
#define IN switch_codec_implementation_t
    SIZE(IN) FIELD(codec_type) FIELD(ianacode) FIELD(iananame) FIELD(fmtp) FIELD(samples_per_second)
    FIELD(actual_samples_per_second) FIELD(bits_per_second) FIELD(microseconds_per_packet) FIELD(samples_per_packet)
    FIELD(decoded_bytes_per_packet) FIELD(encoded_bytes_per_packet) FIELD(number_of_channels) FIELD(codec_frames_per_packet)
    FIELD(init) FIELD(encode) FIELD(decode) FIELD(encode_video) FIELD(decode_video) FIELD(codec_control) FIELD(destroy)
    FIELD(codec_id) FIELD(impl_id) FIELD(modname) FIELD(next)
#undef IN
#define IN switch_console_callback_match_node_t
    SIZE(IN) FIELD(val) FIELD(next)
#undef IN
#define IN switch_console_callback_match_t
    SIZE(IN) FIELD(head) FIELD(end) FIELD(count) FIELD(dynamic)
#undef IN
}

/* Callbacks: what the core calls of ours. */
static void callbacks(void)
{
    TAKES(switch_module_load_t, switch_status_t, switch_loadable_module_interface_t **, switch_memory_pool_t *)
    TAKES(switch_module_shutdown_t, switch_status_t, void)
    TAKES(switch_module_runtime_t, switch_status_t, void)
    TAKES(switch_application_function_t, void, switch_core_session_t *, const char *)
    TAKES(switch_api_function_t, switch_status_t, const char *, switch_core_session_t *, switch_stream_handle_t *)
    TAKES(switch_stream_handle_read_function_t, uint8_t *, switch_stream_handle_t *, int *)
    TAKES(switch_stream_handle_write_function_t, switch_status_t, switch_stream_handle_t *, const char *, ...)
    TAKES(switch_stream_handle_raw_write_function_t, switch_status_t, switch_stream_handle_t *, uint8_t *, size_t)
    TAKES(switch_state_handler_t, switch_status_t, switch_core_session_t *)
    TAKES(switch_receive_message_hook_t, switch_status_t, switch_core_session_t *, switch_core_session_message_t *)
    TAKES(switch_read_frame_hook_t, switch_status_t, switch_core_session_t *, switch_frame_t **, switch_io_flag_t, int)
    TAKES(switch_media_bug_callback_t, switch_bool_t, switch_media_bug_t *, void *, switch_abc_type_t)
    TAKES(switch_event_callback_t, void, switch_event_t *)
    TAKES(switch_console_complete_callback_t, switch_status_t, const char *, const char *, switch_console_callback_match_t **)
}

int main(void)
{
    values();
    scalars();
    structs();
    callbacks();
    return 0;
}
