/*
 * res_coach: the engine's events, to the manager interface and the log.
 *
 * They come from any thread that calls the engine, the one that serves it among them: nothing here takes a lock that such a thread may hold.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "shim.h"

#include "asterisk/json.h"
#include "asterisk/manager.h"

static void publish(const char *name, const coach_event_t *event, struct ast_json *more)
{
	char uniqueid[AST_MAX_UNIQUEID];
	struct ast_json *headers;

	leg_uniqueid_of(event->member, uniqueid);
	headers = ast_json_pack("{s: s, s: s, s: s, s: i, s: s}", "Conference", event->room_name, "Channel", event->call_id,
		"Uniqueid", uniqueid, "Number", (int) event->number, "MemberTag", event->tags);

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
	const char *speak_only_to = event->speak_only_to ? event->speak_only_to : "";

	switch (event->kind) {
	case COACH_EVENT_TAG:
	case COACH_EVENT_UNTAG:
		publish("CoachTag", event, ast_json_pack("{}"));
		break;
	case COACH_EVENT_COACH:
	case COACH_EVENT_UNCOACH:
		publish("CoachMode", event, ast_json_pack("{s: s, s: s, s: i}", "Mode",
			event->speak_only_to ? "private" : "open", "SpeakOnlyTo", speak_only_to,
			"OpensInMs", (int) event->opens_in_ms));
		break;
	case COACH_EVENT_AUDIENCE:
		publish("CoachAudience", event, ast_json_pack("{s: s, s: s}", "SpeakOnlyTo", speak_only_to,
			"HeardBy", event->heard_by));
		break;
	case COACH_EVENT_WARNING:
		ast_log(LOG_WARNING, "%s\n", event->text);
		break;
	case COACH_EVENT_LOST:
		ast_log(LOG_WARNING, "%s\n", event->text);
		lost(event);
		break;
	default:
		break;
	}
}
