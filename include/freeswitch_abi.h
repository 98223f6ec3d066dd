/*
 * The part of FreeSWITCH's binary interface that mod_coach uses: facts about it, in our own words, so that the module is built on
 * machines that have no FreeSWITCH. They hold for 1.10.0 to 1.11; where versions differ, a comment says so.
 *
 * `make check-abi FREESWITCH=<prefix>` compares every size, offset, value and function type here with FreeSWITCH's own headers.
 * For that it includes this file after them, with FREESWITCH_ABI_FUNCTIONS_ONLY: two declarations of a function have to agree.
 */
#ifndef FREESWITCH_ABI_H
#define FREESWITCH_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifndef FREESWITCH_ABI_FUNCTIONS_ONLY

/* -------------------------------------------------------------------------------------------------- values ---- */

#define SWITCH_API_VERSION 5 /* of the module table */
#define MESSAGE_STRING_ARG_MAX 10

typedef enum { SWITCH_FALSE = 0, SWITCH_TRUE = 1 } switch_bool_t;

/* NOUNLOAD from a module's `shutdown`: its code stays where it is. */
typedef enum { SWITCH_STATUS_SUCCESS = 0, SWITCH_STATUS_FALSE = 1, SWITCH_STATUS_NOUNLOAD = 16 } switch_status_t;

typedef enum {
    SWITCH_LOG_ERROR = 3,
    SWITCH_LOG_WARNING = 4,
    SWITCH_LOG_NOTICE = 5,
    SWITCH_LOG_INFO = 6,
    SWITCH_LOG_DEBUG = 7
} switch_log_level_t;

/* Where a log line goes; `userdata` is then the UUID of the call that it is about, or null. */
typedef enum { SWITCH_CHANNEL_ID_LOG = 0 } switch_text_channel_t;

typedef enum { SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER = 27 } switch_call_cause_t;

typedef enum { CS_NEW = 0, CS_EXECUTE = 4, CS_HANGUP = 10 } switch_channel_state_t;

typedef enum { SWITCH_APPLICATION_INTERFACE = 4, SWITCH_API_INTERFACE = 5 } switch_module_interface_name_t;

typedef enum { SWITCH_EVENT_CUSTOM = 0, SWITCH_EVENT_API = 23,
               SWITCH_EVENT_CHANNEL_HOLD = 11, SWITCH_EVENT_CHANNEL_UNHOLD = 12 } switch_event_types_t;
typedef enum { SWITCH_STACK_BOTTOM = 1 } switch_stack_t;

/* What a session is told. From 1.10.7 on; before, the applications' two numbers were one less. */
typedef enum {
    SWITCH_MESSAGE_INDICATE_BRIDGE = 5,
    SWITCH_MESSAGE_INDICATE_UNBRIDGE = 6,
    SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC = 32,
    SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC_COMPLETE = 33
} switch_core_session_message_types_t;

/* What a media bug's callback is called for. */
typedef enum {
    SWITCH_ABC_TYPE_INIT = 0,
    SWITCH_ABC_TYPE_WRITE_REPLACE = 3,
    SWITCH_ABC_TYPE_READ_REPLACE = 4,
    SWITCH_ABC_TYPE_CLOSE = 8
} switch_abc_type_t;

typedef enum {
    SMBF_WRITE_REPLACE = 1 << 2,
    SMBF_READ_REPLACE = 1 << 3,
    SMBF_ANSWER_REQ = 1 << 6, /* sleeps until the call is answered */
    SMBF_NO_PAUSE = 1 << 10,  /* runs also while the channel's bugs are paused */
    SMBF_LOCK = 1 << 12       /* stays when all bugs are removed, until the session is destroyed */
} switch_media_bug_flag_enum_t;
typedef uint32_t switch_media_bug_flag_t;

/* Of a frame: comfort noise, and what was made for one that is lost. */
typedef enum { SFF_CNG = 1 << 0, SFF_PLC = 1 << 3 } switch_frame_flag_enum_t;
typedef uint32_t switch_io_flag_t;

/* Its functions run before the endpoint's own, and whatever those answer. */
typedef enum { SSH_FLAG_PRE_EXEC = 1 << 1 } switch_state_handler_flag_t;

/* ---------------------------------------------------------------------------------------------- what is opaque ---- */

typedef struct switch_core_session switch_core_session_t;
typedef struct switch_channel switch_channel_t;
typedef struct switch_media_bug switch_media_bug_t;
typedef struct switch_event switch_event_t;
typedef struct switch_event_node switch_event_node_t;
typedef struct switch_xml *switch_xml_t;
typedef struct fspr_pool_t switch_memory_pool_t;
typedef struct fspr_thread_rwlock_t switch_thread_rwlock_t;
typedef struct fspr_thread_mutex_t switch_mutex_t;

typedef struct switch_loadable_module_interface switch_loadable_module_interface_t;
typedef struct switch_stream_handle switch_stream_handle_t;
typedef struct switch_core_session_message switch_core_session_message_t;
typedef struct switch_console_callback_match switch_console_callback_match_t;

/* ------------------------------------------------------------------------------------------------- a module ---- */

typedef switch_status_t (*switch_module_load_t)(switch_loadable_module_interface_t **interface, switch_memory_pool_t *pool);
typedef switch_status_t (*switch_module_shutdown_t)(void);
typedef switch_status_t (*switch_module_runtime_t)(void);
typedef uint32_t switch_module_flag_t;

/* What the core looks up in the file, as `<file name>_module_interface`. */
typedef struct switch_loadable_module_function_table {
    int switch_api_version;
    switch_module_load_t load;
    switch_module_shutdown_t shutdown;
    switch_module_runtime_t runtime;
    switch_module_flag_t flags;
} switch_loadable_module_function_table_t;

typedef void (*switch_application_function_t)(switch_core_session_t *session, const char *data);

typedef struct switch_application_interface {
    const char *interface_name;
    switch_application_function_t application_function;
    const char *long_desc;
    const char *short_desc;
    const char *syntax;
    uint32_t flags;
    switch_thread_rwlock_t *rwlock;
    int refs;
    switch_mutex_t *reflock;
    switch_loadable_module_interface_t *parent;
    struct switch_application_interface *next;
} switch_application_interface_t;

typedef switch_status_t (*switch_api_function_t)(const char *command, switch_core_session_t *session,
                                                 switch_stream_handle_t *stream);

typedef struct switch_api_interface {
    const char *interface_name;
    const char *desc;
    switch_api_function_t function;
    const char *syntax;
    switch_thread_rwlock_t *rwlock;
    int refs;
    switch_mutex_t *reflock;
    switch_loadable_module_interface_t *parent;
    struct switch_api_interface *next;
} switch_api_interface_t;

/* The module's own; whoever holds `rwlock` for reading keeps it from being unloaded. */
struct switch_loadable_module_interface {
    const char *module_name;
    void *endpoint_interface;
    void *timer_interface;
    void *dialplan_interface;
    void *codec_interface;
    switch_application_interface_t *application_interface;
    void *chat_application_interface;
    switch_api_interface_t *api_interface;
    void *json_api_interface;
    void *file_interface;
    void *speech_interface;
    void *directory_interface;
    void *chat_interface;
    void *say_interface;
    void *asr_interface;
    void *management_interface;
    void *limit_interface;
    void *database_interface;
    switch_thread_rwlock_t *rwlock;
    int refs;
    switch_memory_pool_t *pool;
};

typedef uint8_t *(*switch_stream_handle_read_function_t)(switch_stream_handle_t *handle, int *length);
typedef switch_status_t (*switch_stream_handle_write_function_t)(switch_stream_handle_t *handle, const char *format, ...);
typedef switch_status_t (*switch_stream_handle_raw_write_function_t)(switch_stream_handle_t *handle, uint8_t *data,
                                                                     size_t length);

/* Where a command's answer goes. `data` is the text so far, allocated with malloc. */
struct switch_stream_handle {
    switch_stream_handle_read_function_t read_function;
    switch_stream_handle_write_function_t write_function;
    switch_stream_handle_raw_write_function_t raw_write_function;
    void *data;
    void *end;
    size_t data_size;
    size_t data_len;
    size_t alloc_len;
    size_t alloc_chunk;
    switch_event_t *param_event;
};

/* ------------------------------------------------------------------------------------------------- sessions ---- */

typedef switch_status_t (*switch_state_handler_t)(switch_core_session_t *session);

/* Called as sessions change their state; anything but success keeps others from being called. */
typedef struct switch_state_handler_table {
    switch_state_handler_t on_init;
    switch_state_handler_t on_routing;
    switch_state_handler_t on_execute;
    switch_state_handler_t on_hangup;
    switch_state_handler_t on_exchange_media;
    switch_state_handler_t on_soft_execute;
    switch_state_handler_t on_consume_media;
    switch_state_handler_t on_hibernate;
    switch_state_handler_t on_reset;
    switch_state_handler_t on_park;
    switch_state_handler_t on_reporting;
    switch_state_handler_t on_destroy;
    int flags;
    void *padding[10];
} switch_state_handler_table_t;

/* Applications: string_array_arg has the name and the data, expanded. */
struct switch_core_session_message {
    char *from;
    switch_core_session_message_types_t message_id;
    int numeric_arg;
    const char *string_arg;
    size_t string_arg_size;
    void *pointer_arg;
    size_t pointer_arg_size;
    int numeric_reply;
    char *string_reply;
    size_t string_reply_size;
    void *pointer_reply;
    size_t pointer_reply_size;
    uint32_t flags;
    const char *_file;
    const char *_func;
    int _line;
    const char *string_array_arg[MESSAGE_STRING_ARG_MAX];
    time_t delivery_time;
};

typedef switch_status_t (*switch_receive_message_hook_t)(switch_core_session_t *session,
                                                         switch_core_session_message_t *message);

/* A header of an event; a channel keeps its variables in such a list. */
typedef struct switch_event_header {
    char *name;
    char *value;
    char **array;
    int idx;
    unsigned long hash;
    struct switch_event_header *next;
} switch_event_header_t;

/* --------------------------------------------------------------------------------------------------- media ---- */

typedef struct switch_frame_geometry {
    int32_t w, h, x, y, z, M, X;
} switch_frame_geometry_t;

/* Inside a media bug: `datalen` bytes of linear samples. `rate` is no fact: 0 on write, the RTP clock on read. */
typedef struct switch_frame {
    void *codec;
    const char *source;
    void *packet;
    uint32_t packetlen;
    void *extra_data;
    void *data;
    uint32_t datalen;
    uint32_t buflen;
    uint32_t samples;
    uint32_t rate;
    uint32_t channels;
    uint8_t payload;
    uint32_t timestamp;
    uint16_t seq;
    uint32_t ssrc;
    switch_bool_t m;
    uint32_t flags;
    void *user_data;
    void *pmap;
    void *img;
    switch_frame_geometry_t geometry;
} switch_frame_t;

/* Called with what an endpoint has read, before it is decoded. */
typedef switch_status_t (*switch_read_frame_hook_t)(switch_core_session_t *session, switch_frame_t **frame,
                                                    switch_io_flag_t flags, int stream);

/* A codec at one rate and packet length. G.722's clock says 8000; its samples come at the actual 16000. */
typedef struct switch_codec_implementation {
    int codec_type;
    uint8_t ianacode;
    char *iananame;
    char *fmtp;
    uint32_t samples_per_second;
    uint32_t actual_samples_per_second;
    int bits_per_second;
    int microseconds_per_packet;
    uint32_t samples_per_packet;
    uint32_t decoded_bytes_per_packet;
    uint32_t encoded_bytes_per_packet;
    uint8_t number_of_channels;
    int codec_frames_per_packet;
    void (*init)(void);
    void (*encode)(void);
    void (*decode)(void);
    void (*encode_video)(void);
    void (*decode_video)(void);
    void (*codec_control)(void);
    void (*destroy)(void);
    uint32_t codec_id;
    uint32_t impl_id;
    char *modname;
    struct switch_codec_implementation *next;
} switch_codec_implementation_t;

typedef switch_bool_t (*switch_media_bug_callback_t)(switch_media_bug_t *bug, void *user_data, switch_abc_type_t type);

/* --------------------------------------------------------------------------------------- events and console ---- */

typedef void (*switch_event_callback_t)(switch_event_t *event);

typedef struct switch_console_callback_match_node {
    char *val;
    struct switch_console_callback_match_node *next;
} switch_console_callback_match_node_t;

struct switch_console_callback_match {
    switch_console_callback_match_node_t *head;
    switch_console_callback_match_node_t *end;
    int count;
    int dynamic;
};

typedef switch_status_t (*switch_console_complete_callback_t)(const char *line, const char *cursor,
                                                              switch_console_callback_match_t **matches);

#endif /* FREESWITCH_ABI_FUNCTIONS_ONLY */

/* ----------------------------------------------------------------------------------------------- functions ---- */

/* the core, modules */
const char *switch_version_minor(void); /* "10" */
const char *switch_version_micro(void); /* "12-release" */
switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(switch_memory_pool_t *pool,
                                                                                   const char *name);
void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *module,
                                              switch_module_interface_name_t kind);
switch_status_t switch_thread_rwlock_tryrdlock(switch_thread_rwlock_t *lock);
switch_status_t switch_thread_rwlock_unlock(switch_thread_rwlock_t *lock);
void switch_log_printf(switch_text_channel_t channel, const char *file, const char *function, int line,
                       const char *userdata, switch_log_level_t level, const char *format, ...);
switch_status_t switch_api_execute(const char *command, const char *arguments, switch_core_session_t *session,
                                   switch_stream_handle_t *stream);

char *switch_core_get_variable_dup(const char *name); /* a global one; the caller frees it */
/* Stores an answered call anew for its recovery after a crash, if its endpoint can recover calls. The core writes it on a thread of its own. */
void switch_core_recovery_track(switch_core_session_t *session);

/* configuration */
switch_xml_t switch_xml_open_cfg(const char *name, switch_xml_t *node, switch_event_t *parameters);
switch_xml_t switch_xml_root(void); /* the configuration in memory, held until it is freed */
switch_xml_t switch_xml_child(switch_xml_t xml, const char *name);
switch_xml_t switch_xml_find_child(switch_xml_t node, const char *child, const char *attribute, const char *value);
const char *switch_xml_attr_soft(switch_xml_t xml, const char *attribute); /* "" where there is none */
void switch_xml_free(switch_xml_t xml);

/* sessions. Who is given one by `locate` holds it for reading until `rwunlock`; one that has been hung up takes force. */
switch_core_session_t *switch_core_session_perform_locate(const char *uuid, const char *file, const char *function, int line);
switch_core_session_t *switch_core_session_perform_force_locate(const char *uuid, const char *file, const char *function,
                                                                int line);
void switch_core_session_rwunlock(switch_core_session_t *session);
switch_console_callback_match_t *switch_core_session_findall(void); /* of those that are up */
char *switch_core_session_get_uuid(switch_core_session_t *session);
switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session);
switch_status_t switch_core_session_get_real_read_impl(switch_core_session_t *session,
                                                       switch_codec_implementation_t *implementation);
switch_status_t switch_core_session_get_write_impl(switch_core_session_t *session,
                                                   switch_codec_implementation_t *implementation);
int switch_core_add_state_handler(const switch_state_handler_table_t *table); /* below 0: no room for another */
void switch_core_remove_state_handler(const switch_state_handler_table_t *table);
switch_status_t switch_core_event_hook_add_receive_message(switch_core_session_t *session,
                                                           switch_receive_message_hook_t hook);
switch_status_t switch_core_event_hook_remove_receive_message(switch_core_session_t *session,
                                                              switch_receive_message_hook_t hook);
switch_status_t switch_core_event_hook_add_read_frame(switch_core_session_t *session, switch_read_frame_hook_t hook);
switch_status_t switch_core_event_hook_remove_read_frame(switch_core_session_t *session, switch_read_frame_hook_t hook);

/* channels. A value is the session's, or `dup`licated into its memory; an empty one removes the variable. */
const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *name, switch_bool_t dup, int index);
switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel, const char *name, const char *value,
                                                      switch_bool_t check);
/* All of them; where it has any, the channel is locked until `last`. */
switch_event_header_t *switch_channel_variable_first(switch_channel_t *channel);
void switch_channel_variable_last(switch_channel_t *channel);
switch_channel_state_t switch_channel_get_state(switch_channel_t *channel);
int switch_channel_test_ready(switch_channel_t *channel, switch_bool_t state, switch_bool_t media);
switch_status_t switch_channel_perform_pre_answer(switch_channel_t *channel, const char *file, const char *function,
                                                  int line);
switch_channel_state_t switch_channel_perform_hangup(switch_channel_t *channel, const char *file, const char *function,
                                                     int line, switch_call_cause_t cause);

/* media bugs */
switch_status_t switch_core_media_bug_add(switch_core_session_t *session, const char *function, const char *target,
                                          switch_media_bug_callback_t callback, void *user_data, time_t stop_time,
                                          switch_media_bug_flag_t flags, switch_media_bug_t **bug);
switch_status_t switch_core_media_bug_remove(switch_core_session_t *session, switch_media_bug_t **bug);
switch_status_t switch_core_media_bug_remove_callback(switch_core_session_t *session,
                                                      switch_media_bug_callback_t callback);
uint32_t switch_core_media_bug_clear_flag(switch_media_bug_t *bug, uint32_t flag);
switch_core_session_t *switch_core_media_bug_get_session(switch_media_bug_t *bug);
switch_frame_t *switch_core_media_bug_get_read_replace_frame(switch_media_bug_t *bug);
switch_frame_t *switch_core_media_bug_get_write_replace_frame(switch_media_bug_t *bug);

/* events */
switch_status_t switch_event_reserve_subclass_detailed(const char *owner, const char *subclass);
switch_status_t switch_event_free_subclass_detailed(const char *owner, const char *subclass);
switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event, const char *subclass,
                                            switch_event_callback_t callback, void *user_data,
                                            switch_event_node_t **node);
switch_status_t switch_event_unbind(switch_event_node_t **node);
switch_status_t switch_event_create_subclass_detailed(const char *file, const char *function, int line,
                                                      switch_event_t **event, switch_event_types_t kind,
                                                      const char *subclass);
switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack, const char *name,
                                               const char *value);
char *switch_event_get_header_idx(switch_event_t *event, const char *name, int index);
void switch_event_destroy(switch_event_t **event);
switch_status_t switch_event_fire_detailed(const char *file, const char *function, int line, switch_event_t **event,
                                           void *user_data);

/* the console */
switch_status_t switch_console_stream_write(switch_stream_handle_t *handle, const char *format, ...);
switch_status_t switch_console_set_complete(const char *text); /* "add ...", "del ..." */
switch_status_t switch_console_add_complete_func(const char *name, switch_console_complete_callback_t callback);
switch_status_t switch_console_del_complete_func(const char *name);
void switch_console_push_match(switch_console_callback_match_t **matches, const char *value);
void switch_console_free_matches(switch_console_callback_match_t **matches);

#endif /* FREESWITCH_ABI_H */
