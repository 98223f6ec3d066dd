/*
 * res_coach: actions of the manager interface, except those of manager_hold.c (hold, play).
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "manager.h"

#include "conference.h"
#include "lookup.h"
#include "names.h"
#include "privacy.h"
#include "rescan.h"
#include "sync.h"

#include "asterisk/astobj2.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"

#define NAME_TEXT \
	" As the events name it: with %20 for white space, and %25 for %.\n"
#define WHERE_TEXT \
	"Variables:\n" \
	"*Channel: <name>  The channel: its name or its unique id, or its member number.\n" \
	" Conference: <name>  The conference that it is in. Needed where Channel is a number.\n" \
	NAME_TEXT
#define LATER_TEXT \
	"The channel has to be in a conference; before that, set the function COACH (Setvar).\n"

struct action {
	const char *name;
	const char *verb;
	char *tags_in;       /* the header with the tags; NULL: none is needed */
	const char *synopsis;
	const char *description;
};

static const struct action actions[] = {
	{ "CoachTag", "tag", "MemberTag", "Set a member's tags.",
		"Sets the tags of a conference's member, in place of those that it has. Raises the\n"
		"event CoachTag, and CoachAudience for each private speaker whose audience changes.\n"
		LATER_TEXT WHERE_TEXT
		"*MemberTag: <tag>[,<tag>...]  1 to 16 tags of at most 64 bytes, with no comma or white space.\n" },
	{ "CoachUntag", "untag", NULL, "Remove a member's tags.",
		"Removes the tags of a conference's member. Raises the event CoachTag.\n"
		LATER_TEXT WHERE_TEXT },
	{ "Coach", "coach", "SpeakOnlyTo", "Have a member heard by tags only.",
		"The member speaks privately: it is heard only by the members that have one of these\n"
		"tags. Raises the events CoachMode and CoachAudience.\n"
		LATER_TEXT WHERE_TEXT
		"*SpeakOnlyTo: <tag>[,<tag>...]  Tags; - for nobody.\n" },
	{ "Uncoach", "uncoach", NULL, "Have a member heard by everyone.",
		"The member speaks openly again, 200 ms later. What it said before stays private also\n"
		"where the network delivers that later. Raises the event CoachMode.\n"
		LATER_TEXT WHERE_TEXT },
};

struct leg *manager_leg(struct mansession *session, const struct message *message, char *room)
{
	const char *conference = astman_get_header(message, "Conference"), *channel = astman_get_header(message, "Channel");
	struct leg *leg;

	if (ast_strlen_zero(channel)) {
		astman_send_error(session, message, "Channel is missing: give a channel's name or unique id");
		return NULL;
	}
	if (ast_strlen_zero(conference)) {
		leg = leg_called(channel);
		if (leg && !leg_room(leg, room)) {
			ao2_ref(leg, -1);
			leg = NULL;
		}
	} else if (conference_given(conference, room)) {
		astman_send_error(session, message, "Conference is too long a name");
		return NULL;
	} else {
		rescan(room);
		leg = member_find(room, channel);
	}
	if (!leg) {
		astman_send_error_va(session, message, "No channel %s in %s; CoachList lists those there are. With a member number, give the"
			" Conference too", channel, ast_strlen_zero(conference) ? "a conference" : conference);
	}
	return leg;
}

static int act(struct mansession *session, const struct message *message)
{
	const char *name = astman_get_header(message, "Action");
	const struct action *action = actions;
	const char *tags = "";
	char room[COACH_MAX_NAME_BYTES + 1];
	struct ast_str *answer;
	struct leg *leg;

	while (strcasecmp(action->name, name)) {
		action++;
	}
	if (action->tags_in) {
		tags = astman_get_header(message, action->tags_in);
		if (ast_strlen_zero(tags) || strpbrk(tags, " \t")) {
			astman_send_error_va(session, message, "%s is '%s': give <tag>[,<tag>...], with no white space",
				action->tags_in, tags);
			return 0;
		}
	}
	leg = manager_leg(session, message, room);
	if (!leg) {
		return 0;
	}
	answer = ast_str_create(128);
	if (!answer) {
		astman_send_error(session, message, "No memory");
	} else if (privacy_command_about(leg, action->verb, room, tags, &answer)) {
		astman_send_error(session, message, ast_str_buffer(answer) + strlen("-ERR "));
	} else {
		astman_send_ack(session, message, ast_str_buffer(answer) + strlen("+OK "));
	}
	ast_free(answer);
	ao2_ref(leg, -1);
	return 0;
}

/* ------------------------------------------------------------------------------------------------- CoachList ---- */

static const char list_text[] =
	"Lists every member of the conference, or of every conference: one event CoachListEntry\n"
	"each, then CoachListComplete.\n"
	"Variables:\n"
	" Conference: <name>  This one only.\n"
	NAME_TEXT
	" Channel: <name>  This channel only: its name or its unique id.\n";

struct list {
	struct mansession *session;
	const char *channel; /* as the engine calls it, this one only; "": everybody */
	char action_id[256];
	int listed;
};

static const char *yes(const coach_member_info_t *info, uint32_t flag)
{
	return info->flags & flag ? "yes" : "no";
}

/* Sends one member. */
static void list_member(void *data, const coach_member_info_t *info, const coach_member_texts_t *texts)
{
	struct list *list = data;
	char uniqueid[AST_MAX_UNIQUEID] = "";
	struct leg *leg;

	if (!ast_strlen_zero(list->channel) && strcasecmp(list->channel, texts->call_id)) {
		return;
	}
	list->listed++;
	leg = member_find(texts->room_name, texts->call_id);
	if (leg) {
		leg_uniqueid(leg, uniqueid); /* of the channel that it is on now */
		ao2_ref(leg, -1);
	}
	astman_append(list->session, "Event: CoachListEntry\r\n%sConference: %s\r\nBridgeUniqueid: %s\r\nNumber: %u\r\nChannel: %s\r\n"
		"Uniqueid: %s\r\nMode: %s\r\nMemberTag: %s\r\n", list->action_id, texts->room_name, name_uniqueid(texts->room_user_data),
		info->number, texts->call_id, uniqueid, texts->speak_only_to ? "private" : "open", texts->tags);
	astman_append(list->session, "SpeakOnlyTo: %s\r\nHeardBy: %s\r\nMuted: %s\r\nHeld: %s\r\nOpensInMs: %u\r\n\r\n",
		S_OR(texts->speak_only_to, ""), texts->heard_by, yes(info, COACH_INFO_MUTED), yes(info, COACH_INFO_HELD), info->opens_in_ms);
}

static int list(struct mansession *session, const struct message *message)
{
	const char *conference = astman_get_header(message, "Conference"), *id = astman_get_header(message, "ActionID");
	const char *channel = astman_get_header(message, "Channel");
	struct leg *only = leg_called(channel);
	struct list list = { .session = session, .channel = channel };
	char room[COACH_MAX_NAME_BYTES + 1], call_id[AST_CHANNEL_NAME];
	coach_status_t status;

	if (conference_given(conference, room)) {
		astman_send_error(session, message, "Conference is too long a name");
		ao2_cleanup(only);
		return 0;
	}
	rescan(room);
	if (only) {
		leg_call_id(only, call_id);
		list.channel = call_id;
		ao2_ref(only, -1);
	}
	if (!ast_strlen_zero(id)) {
		snprintf(list.action_id, sizeof(list.action_id), "ActionID: %s\r\n", id);
	}
	astman_send_listack(session, message, "Members follow", "start");
	status = coach_members(engine, *room ? room : NULL, list_member, &list);
	if (status != COACH_OK && status != COACH_ERR_NO_ROOM) {
		ast_log(LOG_ERROR, "CoachList: %s\n", coach_last_error());
	}
	astman_send_list_complete_start(session, message, "CoachListComplete", list.listed);
	astman_send_list_complete_end(session);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- start and stop ---- */

int manager_start(void)
{
	int failed = ast_manager_register2("CoachList", EVENT_FLAG_REPORTING, list, AST_MODULE_SELF,
		"List members, their tags and who hears them.", list_text);

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		failed |= ast_manager_register2(actions[i].name, EVENT_FLAG_CALL, act, AST_MODULE_SELF,
			actions[i].synopsis, actions[i].description);
	}
	return failed;
}

void manager_stop(void)
{
	ast_manager_unregister("CoachList");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		ast_manager_unregister(actions[i].name);
	}
}
