/*
 * res_coach: the manager actions CoachHold and CoachUnhold.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "manager_hold.h"

#include "leg.h"
#include "manager.h"
#include "privacy.h"

#include "asterisk/astobj2.h"
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

int manager_hold_start(void)
{
	return ast_manager_register2("CoachHold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "Hold a member of a conference.",
			"From its next frame on, nobody hears the member and it hears nobody, until CoachUnhold, or\n"
			"until it leaves the conference. Its mute stays as it is.\n" WHERE_TEXT)
		| ast_manager_register2("CoachUnhold", EVENT_FLAG_CALL, act, AST_MODULE_SELF, "End a member's hold.",
			"Ends what CoachHold began.\n" WHERE_TEXT);
}

void manager_hold_stop(void)
{
	ast_manager_unregister("CoachHold");
	ast_manager_unregister("CoachUnhold");
}
