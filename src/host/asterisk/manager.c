/*
 * res_coach: actions of the manager interface.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "manager.h"

#include "conference.h"
#include "lookup.h"
#include "privacy.h"
#include "rescan.h"
#include "sync.h"

#include "asterisk/astobj2.h"
#include "asterisk/json.h"
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

/* A list in JSON as one header's value. */
static void joined(struct ast_str **text, struct ast_json *list)
{
	ast_str_reset(*text);
	for (size_t i = 0; i < ast_json_array_size(list); i++) {
		struct ast_json *item = ast_json_array_get(list, i);
		const char *comma = i ? "," : "";

		if (ast_json_typeof(item) == AST_JSON_STRING) {
			ast_str_append(text, 0, "%s%s", comma, ast_json_string_get(item));
		} else {
			ast_str_append(text, 0, "%s%jd", comma, ast_json_integer_get(item));
		}
	}
}

static const char *yes(struct ast_json *member, const char *what)
{
	return ast_json_is_true(ast_json_object_get(member, what)) ? "yes" : "no";
}

/* Sends one member. */
static void list_member(struct mansession *session, const char *id, const char *room, struct ast_json *member,
	struct ast_str **text)
{
	struct ast_json *to = ast_json_object_get(member, "speak_only_to");
	const char *call_id = ast_json_string_get(ast_json_object_get(member, "call_id"));
	struct leg *leg = member_find(room, call_id);
	char uniqueid[AST_MAX_UNIQUEID] = "", bridge[BRIDGE_ID] = "";
	int private = ast_json_typeof(to) == AST_JSON_ARRAY;

	if (leg) {
		leg_uniqueid(leg, uniqueid);
		conference_bridge(leg, bridge);
		ao2_ref(leg, -1);
	}

	astman_append(session, "Event: CoachListEntry\r\n%sConference: %s\r\nBridgeUniqueid: %s\r\nNumber: %jd\r\nChannel: %s\r\n"
		"Uniqueid: %s\r\nMode: %s\r\n", id, room, bridge, ast_json_integer_get(ast_json_object_get(member, "number")), call_id, uniqueid,
		private ? "private" : "open");
	joined(text, ast_json_object_get(member, "tags"));
	astman_append(session, "MemberTag: %s\r\n", ast_str_buffer(*text));
	joined(text, to);
	astman_append(session, "SpeakOnlyTo: %s\r\n",
		private && !ast_json_array_size(to) ? "-" : ast_str_buffer(*text));
	joined(text, ast_json_object_get(member, "heard_by"));
	astman_append(session, "HeardBy: %s\r\nMuted: %s\r\nHeld: %s\r\nOpensInMs: %jd\r\n\r\n", ast_str_buffer(*text),
		yes(member, "muted"), yes(member, "held"),
		ast_json_integer_get(ast_json_object_get(member, "opens_in_ms")));
}

static int list_room(struct mansession *session, const char *id, struct ast_json *room, const char *channel)
{
	struct ast_json *members = ast_json_object_get(room, "members");
	const char *name = ast_json_string_get(ast_json_object_get(room, "name"));
	struct ast_str *text = ast_str_create(64);
	int listed = 0;

	for (size_t i = 0; text && i < ast_json_array_size(members); i++) {
		struct ast_json *member = ast_json_array_get(members, i);
		const char *call_id = ast_json_string_get(ast_json_object_get(member, "call_id"));

		if (ast_strlen_zero(channel) || !strcasecmp(channel, call_id)) {
			list_member(session, id, name, member, &text);
			listed++;
		}
	}
	ast_free(text);
	return listed;
}

static int list(struct mansession *session, const struct message *message)
{
	const char *conference = astman_get_header(message, "Conference"), *id = astman_get_header(message, "ActionID");
	const char *channel = astman_get_header(message, "Channel");
	struct leg *only = leg_called(channel);
	char room[COACH_MAX_NAME_BYTES + 1], action_id[256] = "", call_id[AST_CHANNEL_NAME], *text = NULL;
	struct ast_json *state = NULL, *rooms;
	int listed = 0;

	if (conference_given(conference, room)) {
		astman_send_error(session, message, "Conference is too long a name");
		ao2_cleanup(only);
		return 0;
	}
	rescan(room);
	if (only) {
		leg_call_id(only, call_id);
	}
	if (coach_state_json(engine, NULL, &text) || !(state = ast_json_load_string(text, NULL))) {
		coach_string_free(text);
		ao2_cleanup(only);
		astman_send_error(session, message, "No memory");
		return 0;
	}
	coach_string_free(text);
	if (!ast_strlen_zero(id)) {
		snprintf(action_id, sizeof(action_id), "ActionID: %s\r\n", id);
	}
	astman_send_listack(session, message, "Members follow", "start");
	rooms = ast_json_object_get(state, "rooms");
	for (size_t i = 0; i < ast_json_array_size(rooms); i++) {
		struct ast_json *one = ast_json_array_get(rooms, i);

		if (!*room || !strcmp(room, ast_json_string_get(ast_json_object_get(one, "name")))) {
			listed += list_room(session, action_id, one, only ? call_id : channel);
		}
	}
	ast_json_unref(state);
	ao2_cleanup(only);
	astman_send_list_complete_start(session, message, "CoachListComplete", listed);
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
