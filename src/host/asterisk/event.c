/*
 * res_coach: the engine's events, to the manager interface and the log.
 *
 * They come from any thread that calls the engine, the one that serves it among them: nothing here takes a lock that such a thread may hold.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "event.h"

#include "names.h"

#include "asterisk/json.h"
#include "asterisk/manager.h"

/* By the engine's kind. A member's tags are one event, set or removed, and so is its mode. */
static const char *const names[] = {
	[COACH_EVENT_JOIN] = "CoachJoin",
	[COACH_EVENT_LEAVE] = "CoachLeave",
	[COACH_EVENT_TAG] = "CoachTag",
	[COACH_EVENT_UNTAG] = "CoachTag",
	[COACH_EVENT_COACH] = "CoachMode",
	[COACH_EVENT_UNCOACH] = "CoachMode",
	[COACH_EVENT_MUTE] = "CoachMute",
	[COACH_EVENT_UNMUTE] = "CoachUnmute",
	[COACH_EVENT_DEAF] = "CoachDeaf",
	[COACH_EVENT_UNDEAF] = "CoachUndeaf",
	[COACH_EVENT_HOLD] = "CoachHold",
	[COACH_EVENT_UNHOLD] = "CoachUnhold",
	[COACH_EVENT_AUDIENCE] = "CoachAudience",
	[COACH_EVENT_BYPASS] = "CoachBypass",
	[COACH_EVENT_UNBYPASS] = "CoachUnbypass",
	[COACH_EVENT_START] = "CoachStart",
	[COACH_EVENT_END] = "CoachEnd",
};

/* The conference, and which one of all that have had its name. */
static struct ast_json *of_room(const coach_event_t *event, uint64_t sequence)
{
	char number[21];

	if (!event->room) {
		return ast_json_object_create();
	}
	snprintf(number, sizeof(number), "%" PRIu64, sequence);
	return ast_json_pack("{s: s, s: s, s: s}", "Conference", event->room_name, "BridgeUniqueid", name_uniqueid(event->room_user_data),
		"Sequence", number);
}

static struct ast_json *of_member(const coach_event_t *event)
{
	return ast_json_pack("{s: s, s: s, s: s, s: s, s: s, s: s, s: i}", "Channel", event->call_id, "Uniqueid",
		name_uniqueid(event->member_user_data),
		"MemberTag", event->tags, "Mode", event->speak_only_to ? "private" : "open",
		"SpeakOnlyTo", event->speak_only_to ? event->speak_only_to : "", "HeardBy", event->heard_by,
		"OpensInMs", (int) event->opens_in_ms);
}

static void publish(const char *name, struct ast_json *headers, struct ast_json *more)
{
	if (headers && more && !ast_json_object_update(headers, more)) {
		ast_manager_publish_event(name, EVENT_FLAG_CALL, headers);
	}
	ast_json_unref(headers);
	ast_json_unref(more);
}

/* It is nobody's: whoever follows the events has to ask anew how things are. */
static void lost(const coach_event_t *event)
{
	struct ast_json *headers = ast_json_pack("{s: I}", "Lost", (ast_json_int_t) event->lost);

	if (headers) {
		ast_manager_publish_event("CoachLost", EVENT_FLAG_CALL, headers);
	}
	ast_json_unref(headers);
}

void on_event(void *user, const coach_event_t *event)
{
	struct ast_json *more;

	if (event->kind == COACH_EVENT_WARNING) {
		ast_log(LOG_WARNING, "%s\n", event->text);
		return;
	}
	if (event->kind == COACH_EVENT_LOST) {
		ast_log(LOG_WARNING, "%s\n", event->text);
		lost(event);
		return;
	}
	if (event->kind >= ARRAY_LEN(names) || !names[event->kind]) {
		return;
	}
	more = event->member ? of_member(event) : ast_json_object_create();
	if (more && event->member && event->room) {
		ast_json_object_set(more, "Number", ast_json_integer_create(event->number));
	}
	publish(names[event->kind], of_room(event, event->sequence), more);
	if (event->kind == COACH_EVENT_LEAVE && name_is_last(event->room_user_data, event->member)) {
		/* The engine closes an empty room without a word. */
		publish(names[COACH_EVENT_END], of_room(event, event->sequence + 1), ast_json_object_create());
	}
}
