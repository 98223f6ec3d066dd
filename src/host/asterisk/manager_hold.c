/*
 * res_coach: the manager actions CoachHold, CoachUnhold and CoachPlay.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "manager_hold.h"

#include "hold.h"
#include "leg.h"
#include "manager.h"
#include "privacy.h"

#include "asterisk/astobj2.h"
#include "asterisk/bridge_channel.h"
#include "asterisk/file.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"

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

/* A file that is played to a member: references. */
struct playing {
	struct ast_bridge_channel *bridge_channel;
	char file[];
};

/* Asterisk's own way to play one does not close a file that is ended early. */
static void play_file(struct ast_bridge_channel *bridge_channel, const char *file)
{
	ast_stream_and_wait(bridge_channel->chan, file, AST_DIGIT_NONE);
	ast_stopstream(bridge_channel->chan);
}

/* Waits until the channel's thread is out of `play_file`, or never gets there: until then the module stays. */
static void *play_through(void *data)
{
	struct playing *playing = data;

	ast_bridge_channel_queue_playfile_sync(playing->bridge_channel, play_file, playing->file, NULL);
	ao2_ref(playing->bridge_channel, -1);
	ast_free(playing);
	ast_module_unref(AST_MODULE_SELF);
	return NULL;
}

/* Takes the reference to the bridge_channel. Nonzero: it cannot be played. */
static int play_to(struct ast_bridge_channel *bridge_channel, const char *file)
{
	struct playing *playing = ast_malloc(sizeof(*playing) + strlen(file) + 1);
	pthread_t thread;

	if (playing) {
		playing->bridge_channel = bridge_channel;
		strcpy(playing->file, file); /* it has room for it */
		ast_module_ref(AST_MODULE_SELF);
		if (!ast_pthread_create_detached_background(&thread, NULL, play_through, playing)) {
			return 0;
		}
		ast_module_unref(AST_MODULE_SELF);
		ast_free(playing);
	}
	ao2_ref(bridge_channel, -1);
	return -1;
}

static int play(struct mansession *session, const struct message *message)
{
	const char *file = astman_get_header(message, "File");
	char room[COACH_MAX_NAME_BYTES + 1];
	struct ast_bridge_channel *bridge_channel = NULL;
	struct ast_channel *chan;
	struct leg *leg;

	if (ast_strlen_zero(file)) {
		astman_send_error(session, message, "File is missing: give a file's path, without its extension");
		return 0;
	}
	if (!ast_fileexists(file, NULL, NULL)) {
		astman_send_error_va(session, message, "There is no file %s, in any format", file);
		return 0;
	}
	leg = manager_leg(session, message, room);
	if (!leg) {
		return 0;
	}
	chan = leg_channel(leg);
	if (chan) {
		ast_channel_lock(chan);
		if (leg->hook && is_held(chan, leg->hook)) {
			bridge_channel = ast_channel_get_bridge_channel(chan);
			leg->hook->plays = bridge_channel != NULL;
		}
		ast_channel_unlock(chan);
		ast_channel_unref(chan);
	}
	if (!bridge_channel) {
		astman_send_error_va(session, message, "%s is not held: CoachHold first", leg->call_id);
	} else if (play_to(bridge_channel, file)) {
		astman_send_error_va(session, message, "%s cannot be played to", leg->call_id);
	} else {
		astman_send_ack(session, message, "played");
	}
	ao2_ref(leg, -1);
	return 0;
}

int manager_hold_start(void)
{
	return ast_manager_register2("CoachPlay", EVENT_FLAG_CALL, play, AST_MODULE_SELF, "Play a file to a member that is held.",
			"The member alone hears it, after those that are being played to it. It ends with the hold, and when\n"
			"the member leaves; ControlPlayback with Control: stop ends it before.\n" WHERE_TEXT
			"*File: <path>  The file, without its extension.\n")
		| ast_manager_register2("CoachHold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "Hold a member of a conference.",
			"From its next frame on, nobody hears the member and it hears nobody, until CoachUnhold, or\n"
			"until it leaves the conference. Its mute stays as it is.\n" WHERE_TEXT)
		| ast_manager_register2("CoachUnhold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "End a member's hold.",
			"Ends what CoachHold began.\n" WHERE_TEXT);
}

void manager_hold_stop(void)
{
	ast_manager_unregister("CoachPlay");
	ast_manager_unregister("CoachHold");
	ast_manager_unregister("CoachUnhold");
}
