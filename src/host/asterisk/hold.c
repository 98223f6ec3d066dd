/*
 * res_coach: hold by command. ConfBridge has none: the member is not heard, and hears nobody, neither open nor private speech.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "hook_state.h"

#include "asterisk/astobj2.h"
#include "asterisk/format_cache.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"

/* ----------------------------------------------------------------------------------------------------- the hook ---- */

void hook_hold(struct hook *hook, int on)
{
	hook->held_by_command = on && hook->bridge;
}

int is_held(struct ast_channel *chan, const struct hook *hook)
{
	return hook->held_by_command && hook->bridge == ast_channel_internal_bridge(chan);
}

struct ast_frame *hold_silence(struct hook *hook, struct ast_frame *frame)
{
	struct ast_frame *silence = &hook->mixed;

	/* A bridge writes linear frames. Of another kind there is no silence at hand: then the member gets nothing. */
	if (!ast_format_cache_is_slinear(frame->subclass.format) || samples_of(frame) > MIX_SAMPLES) {
		return &ast_null_frame;
	}
	*silence = (struct ast_frame) {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = frame->subclass.format,
		.samples = samples_of(frame),
		.datalen = frame->datalen,
		.data.ptr = memset(hook->out, 0, frame->datalen),
		.stream_num = frame->stream_num,
		.src = "coach hold",
	};
	return silence;
}

/* -------------------------------------------------------------------------------------------- manager interface ---- */

#define WHERE_TEXT \
	"Variables:\n" \
	"*Channel: <name>  The channel: its name or its unique id, or its member number.\n" \
	" Conference: <name>  The conference that it is in. Needed where Channel is a number.\n"

static int act(struct mansession *session, const struct message *message)
{
	int on = !strcasecmp(astman_get_header(message, "Action"), "CoachHold");
	char room[COACH_MAX_NAME_BYTES + 1];
	struct leg *leg = manager_leg(session, message, room);
	const char *obstacle;

	if (!leg) {
		return 0;
	}
	obstacle = privacy_hold(leg, on);
	if (obstacle) {
		astman_send_error_va(session, message, "%s cannot be held: %s", leg->call_id, obstacle);
	} else {
		astman_send_ack(session, message, on ? "held" : "no longer held");
	}
	ao2_ref(leg, -1);
	return 0;
}

int hold_start(void)
{
	return ast_manager_register2("CoachHold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "Hold a member of a conference.",
			"From its next frame on, nobody hears the member and it hears nobody, until CoachUnhold, or\n"
			"until it leaves the conference. Its mute stays as it is.\n" WHERE_TEXT)
		| ast_manager_register2("CoachUnhold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "End a member's hold.",
			"Ends what CoachHold began.\n" WHERE_TEXT);
}

void hold_stop(void)
{
	ast_manager_unregister("CoachHold");
	ast_manager_unregister("CoachUnhold");
}
