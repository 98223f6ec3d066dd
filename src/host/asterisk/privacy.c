/*
 * res_coach: tag, untag, coach, uncoach: what every interface does; and the module that stays loaded while somebody speaks privately.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "privacy.h"

#include "framehook.h"
#include "hold.h"
#include "lookup.h"
#include "misspelt.h"
#include "record.h"
#include "rescan.h"
#include "settings.h"
#include "sync.h"

#include "asterisk/astobj2.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/* Who hooks a channel, or changes a mode, holds this for reading until that is on record: the module cannot go meanwhile. */
AST_RWLOCK_DEFINE_STATIC(unload_lock);
/* The module goes. `unload_lock` */
static int going;

/* A channel's leg with the hook on it: a reference, or NULL, logged. `unload_lock` is held. */
static struct leg *hooked_to_stay(struct ast_channel *chan)
{
	if (going) {
		ast_log(LOG_ERROR, "Coach cannot hook %s: res_coach is being unloaded\n", ast_channel_name(chan));
		return NULL;
	}
	return leg_hooked(chan);
}

/* A leg that there is, in line with where its channel is: a reference, or NULL. */
static struct leg *known(struct ast_channel *chan)
{
	return leg_synced(ast_channel_uniqueid(chan));
}

/* A change of one call. */
struct change {
	char call[AST_MAX_UNIQUEID]; /* the unique id by which it goes, whatever its channel */
	struct leg *leg;             /* that the call has: a reference; NULL: none that Coach knows */
	struct ast_channel *chan;    /* that it is at: a reference */
};

/* What is meant for the call that is at a channel now. */
static struct change change_of(struct ast_channel *chan)
{
	struct change change = { .leg = NULL };

	call_at(chan, change.call);
	return change;
}

static int is_at_channel(const struct change *change, struct ast_channel *chan)
{
	char now[AST_MAX_UNIQUEID];

	call_at(chan, now);
	return !strcmp(now, change->call);
}

/* Begins it on the record. A transfer may take the call from the channel at which it was found to another one, and its leg's member be that one's
 * then, or bring another call to this channel: what is meant for the call is done to the leg that the call has. 0: begun, or Coach knows no such
 * leg and none is to be hooked. Else the call is gone, or cannot be hooked. */
static int begin_change(struct change *change, struct ast_channel *chan, int hooked)
{
	change->chan = is_at_channel(change, chan) ? ast_channel_ref(chan) : call_channel(change->call);
	while (change->chan) {
		int is_there;

		change->leg = hooked ? hooked_to_stay(change->chan) : known(change->chan);
		record_begins();
		is_there = is_at_channel(change, change->chan);
		if (is_there && change->leg && leg_is_at(change->leg, change->call) && !leg_is_replaced(change->leg)) {
			return 0;
		}
		record_ends();
		ast_channel_unref(change->chan);
		if (is_there && !change->leg) {
			return hooked ? -1 : 0;
		}
		ao2_cleanup(change->leg);
		change->leg = NULL;
		change->chan = call_channel(change->call);
	}
	return -1;
}

static void end_change(struct change *change)
{
	record_ends();
	ao2_ref(change->leg, -1);
	ast_channel_unref(change->chan);
}

static const char moved[] = "its call has just moved to another channel";

/* Before the engine hears that a member is private, its frames have to be looked at. Why that cannot be, or NULL. `awaits`: it is private
 * from now on, wherever it is. */
static const char *expect_private(struct leg *leg, struct ast_channel *chan, int awaits)
{
	const char *obstacle = moved;

	ast_channel_lock(chan);
	/* The hook is guarded by the lock of the channel that it is on. */
	if (leg->hook && leg_is_at(leg, ast_channel_uniqueid(chan))) {
		obstacle = hook_obstacle(chan, leg->hook);
		hook_listen(leg->hook);
		if (awaits) {
			hook_await(leg->hook);
		}
	}
	ast_channel_unlock(chan);
	return obstacle;
}

int privacy_set_tags(struct ast_channel *chan, const char *tags)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	struct change change = change_of(chan);

	if (begin_change(&change, chan, 1)) {
		return -1;
	}
	if (names_speak_only_to(tags)) {
		/* Whoever wrote that meant a private call, and it would be an open one. */
		ast_log(LOG_ERROR, "memberTag of %s: '%s' has speakOnlyTo in it, which is another setting: Coach(memberTag=<tag>,speakOnlyTo=<tag>)"
			" sets both, Set() one of them at a time\n", ast_channel_name(change.chan), tags);
		ast_softhangup(change.chan, AST_SOFTHANGUP_EXPLICIT);
		end_change(&change);
		return -1;
	}
	if (coach_tag(change.leg->member, tags)) {
		ast_log(LOG_WARNING, "memberTag of %s: %s. It has no tags\n", ast_channel_name(change.chan), coach_last_error());
		coach_untag(change.leg->member);
		tags = NULL;
	}
	record_tags(change.leg, tags);
	end_change(&change);
	return 0;
}

int privacy_set_speak_only_to(struct ast_channel *chan, const char *speak_only_to)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	struct change change = change_of(chan);
	const char *obstacle = moved;

	while (obstacle == moved) {
		if (begin_change(&change, chan, 1)) {
			return -1;
		}
		record_bypass(change.leg, 0);
		obstacle = expect_private(change.leg, change.chan, 1);
		if (obstacle == moved) {
			end_change(&change);
		}
	}
	if (obstacle) {
		ast_log(LOG_ERROR, "%s cannot speak privately, for %s: its call ends\n", ast_channel_name(change.chan), obstacle);
		ast_softhangup(change.chan, AST_SOFTHANGUP_EXPLICIT);
		end_change(&change);
		return -1;
	}
	if (coach_coach(change.leg->member, speak_only_to)) {
		ast_log(LOG_WARNING, "speakOnlyTo of %s: %s. It is private to nobody; `-` says that on purpose\n",
			ast_channel_name(change.chan), coach_last_error());
		coach_coach(change.leg->member, "-");
		speak_only_to = "-";
	}
	record_mode(change.leg, speak_only_to);
	end_change(&change);
	return 0;
}

int privacy_untag(struct ast_channel *chan)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	struct change change = change_of(chan);

	if (begin_change(&change, chan, 0)) {
		return -1;
	}
	if (change.leg) {
		coach_untag(change.leg->member);
		record_tags(change.leg, NULL);
		end_change(&change);
	}
	return 0;
}

int privacy_uncoach(struct ast_channel *chan)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	struct change change = change_of(chan);

	if (begin_change(&change, chan, 0)) {
		return -1;
	}
	if (change.leg) {
		coach_uncoach(change.leg->member);
		record_mode(change.leg, NULL);
		end_change(&change);
	}
	return 0;
}

/* --------------------------------------------------------------------------------------------- text commands ---- */

/* Hooks the member that a command is about. Why that cannot be, or NULL. */
static const char *prepare(struct leg *leg, int private)
{
	const char *obstacle = "it has hung up, or memory is short, or res_coach is being unloaded";
	struct ast_channel *chan = leg_channel(leg);
	struct leg *hooked = chan ? hooked_to_stay(chan) : NULL;

	if (hooked && (hooked != leg || leg_is_displaced(leg))) {
		obstacle = "another call has just taken its place";
	} else if (hooked) {
		obstacle = private ? expect_private(leg, chan, 0) : NULL;
	}
	ao2_cleanup(hooked);
	ast_channel_cleanup(chan);
	return obstacle;
}

const char *privacy_hold(struct leg *leg, int on)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	const char *obstacle = on ? prepare(leg, 0) : NULL;
	struct ast_channel *chan = obstacle || !leg->hook ? NULL : leg_channel(leg);

	if (!chan) {
		/* One that has no hook is not held. */
		return on && !obstacle ? "it has hung up" : obstacle;
	}
	ast_channel_lock(chan);
	hook_hold(leg->hook, on);
	ast_channel_unlock(chan);
	/* The engine is told, so that everybody is shown it when this returns. */
	sync_channel(ast_channel_uniqueid(chan));
	ast_channel_unref(chan);
	return NULL;
}

/* Runs it as it is. Nonzero: the answer is not `+OK`. */
static int run(const char *command, struct ast_str **answer)
{
	char *reply;

	if (coach_command(engine, command, &reply)) {
		ast_str_set(answer, 0, "-ERR %s", coach_last_error());
		return -1;
	}
	ast_str_set(answer, 0, "%s", reply);
	coach_string_free(reply);
	return !ast_begins_with(ast_str_buffer(*answer), "+OK");
}

/* Carries out a command about a leg's member, unless that is another one by now, and notes what it means for the record. `command_lock` */
static int carry_out(struct leg *leg, coach_member_t member, const char *verb, const char *value, const char *command,
	struct ast_str **answer)
{
	int coach = !strcmp(verb, "coach");
	coach_status_t status;
	char *reply;

	if (leg->member != member) {
		ast_str_set(answer, 0, "-ERR another call has just taken its place");
		return -1;
	}
	status = coach_member_command(member, command, &reply);
	if (status == COACH_OK) {
		ast_str_set(answer, 0, "%s", reply);
		coach_string_free(reply);
		if (!strcmp(verb, "tag") || !strcmp(verb, "untag")) {
			record_tags(leg, S_OR(value, NULL));
		} else if (coach || !strcmp(verb, "uncoach")) {
			record_mode(leg, S_OR(value, NULL));
		}
	} else {
		ast_str_set(answer, 0, "-ERR %s", coach_last_error());
		if (coach && status == COACH_ERR_MEMORY) {
			record_mode(leg, "-"); /* without memory for its voice it is private to nobody */
		}
	}
	return status != COACH_OK;
}

int privacy_command_about(struct leg *leg, const char *verb, const char *room, const char *value, struct ast_str **answer)
{
	SCOPED_RDLOCK(stay, &unload_lock);
	RAII_VAR(char *, command, NULL, ast_free);
	coach_member_t member = leg_member(leg);
	int coach = !strcmp(verb, "coach"), failed;
	const char *obstacle = coach || !strcmp(verb, "tag") ? prepare(leg, coach) : NULL;
	char call_id[AST_CHANNEL_NAME], own[COACH_MAX_NAME_BYTES + 1];

	leg_call_id(leg, call_id);
	if (obstacle) {
		ast_str_set(answer, 0, "-ERR %s cannot be hooked: %s", call_id, obstacle);
		return -1;
	}
	if (!leg_room(leg, own) || strcmp(own, room)) {
		ast_str_set(answer, 0, "-ERR %s has just left %s", call_id, room);
		return -1;
	}
	if (ast_asprintf(&command, "%s %s", verb, value) < 0) {
		ast_str_set(answer, 0, "-ERR no memory");
		return -1;
	}
	record_begins();
	failed = carry_out(leg, member, verb, value, command, answer);
	record_ends();
	return failed;
}

int privacy_command(const char *command, struct ast_str **answer)
{
	static const char *const about_a_member[] = { "explain", "tag", "untag", "coach", "uncoach" };
	char *rest = ast_strdupa(command);
	const char *verb = strsep(&rest, " ");
	const char *room = S_OR(strsep(&rest, " "), "");
	const char *member = S_OR(strsep(&rest, " "), "");
	struct leg *leg;
	int result;

	rescan(strcmp(verb, "rooms") ? room : "");
	for (size_t i = 0; i < ARRAY_LEN(about_a_member); i++) {
		if (strcmp(verb, about_a_member[i])) {
			continue;
		}
		leg = member_find(room, member);
		if (leg) {
			result = privacy_command_about(leg, verb, room, S_OR(rest, ""), answer);
			ao2_ref(leg, -1);
			return result;
		}
		/* The engine may find one all the same, if it parts words otherwise: one that has no hook. */
		ast_str_set(answer, 0, "-ERR no member '%s' in '%s'. `coach rooms` and `coach show <conference>` list them, `coach help`"
			" the commands", member, room);
		return -1;
	}
	return run(command, answer);
}

int privacy_end(void)
{
	SCOPED_WRLOCK(go, &unload_lock);
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	going = 1;
	while (going && (leg = ao2_iterator_next(&all))) {
		if (leg->speak_only_to) {
			char call_id[AST_CHANNEL_NAME];

			leg_call_id(leg, call_id);
			ast_log(LOG_ERROR, "Coach stays: %s speaks privately, and would be heard by everyone. `coach uncoach` it; outside a"
				" conference set COACH(uncoach), or wait for its hang-up\n", call_id);
			going = 0;
		}
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	return !going;
}

/* Whether an opening guard may not have ended: with none of its member's frames arriving, it does not. Of who is outside, in an ordinary
 * call, nobody knows. */
static int is_guarded(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;
	int found = 0;

	while ((leg = ao2_iterator_next(&all))) {
		coach_member_info_t info = COACH_MEMBER_INFO_INIT;

		coach_status_t status = coach_member_info(leg_member(leg), &info);

		/* One that has ended has none. */
		found |= status == COACH_OK ? info.room && info.opens_in_ms : status != COACH_ERR_HANDLE;
		found |= leg->bypassed && hook_listens(leg->hook);
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
	return found;
}

/* For so long unloading waits for guards, and for so long a burst may come after its words were said. */
#define PATIENCE_MS 1000
#define LATE_MS 10000

int privacy_wait_for_guard(void)
{
	int64_t since = record_opened_ms_ago();

	if (since >= 0 && since < GUARD_MS) {
		usleep((GUARD_MS - since) * 1000);
	}
	for (int ms = 0; ms < PATIENCE_MS && is_guarded(); ms += 20) {
		usleep(20000);
	}
	if (is_guarded() && record_opened_ms_ago() < LATE_MS) {
		SCOPED_WRLOCK(stay, &unload_lock);

		going = 0;
		ast_log(LOG_ERROR, "Coach stays: what was said privately before an `uncoach` may still be on its way, and everyone would hear it."
			" Unload it again in some seconds\n");
		return -1;
	}
	return 0;
}

/* While the module is away: the tags, and behind a blank the unique id of the call that they were given to, since another one may
 * take over the channel, and its variables with it. */
#define KEPT "COACH_TAGS"

void privacy_keep_tags(void)
{
	struct ao2_iterator all = ao2_iterator_init(legs(), 0);
	struct leg *leg;

	while ((leg = ao2_iterator_next(&all))) {
		char uniqueid[AST_MAX_UNIQUEID], *kept = NULL;
		struct ast_channel *chan;

		leg_uniqueid(leg, uniqueid);
		/* An `untag` may come at any time until the interfaces have gone. */
		ao2_lock(leg);
		if (leg->tags && !leg->replaced && !leg->displaced && ast_asprintf(&kept, "%s %s", leg->tags, uniqueid) < 0) {
			kept = NULL;
		}
		ao2_unlock(leg);
		chan = kept ? ast_channel_get_by_name(uniqueid) : NULL;
		if (chan) {
			pbx_builtin_setvar_helper(chan, KEPT, kept);
			ast_channel_unref(chan);
		}
		ast_free(kept);
		ao2_ref(leg, -1);
	}
	ao2_iterator_destroy(&all);
}

void privacy_take_up_tags(void)
{
	struct ast_channel_iterator *all = ast_channel_iterator_all_new();
	struct ast_channel *chan;

	while (all && (chan = ast_channel_iterator_next(all))) {
		char *kept, *uniqueid;

		ast_channel_lock(chan);
		kept = ast_strdup(S_OR(pbx_builtin_getvar_helper(chan, KEPT), ""));
		uniqueid = kept ? strchr(kept, ' ') : NULL;
		if (uniqueid) {
			*uniqueid++ = '\0';
			if (strcmp(uniqueid, ast_channel_uniqueid(chan)) && !settings.tags_pass) {
				*kept = '\0';
			}
		}
		ast_channel_unlock(chan);
		if (!ast_strlen_zero(kept)) {
			privacy_set_tags(chan, kept);
		}
		pbx_builtin_setvar_helper(chan, KEPT, NULL);
		ast_free(kept);
		ast_channel_unref(chan);
	}
	if (all) {
		ast_channel_iterator_destroy(all);
	}
}

void privacy_close(const char *uniqueid)
{
	struct ast_channel *chan = ast_channel_get_by_name(uniqueid);

	if (chan) {
		privacy_set_speak_only_to(chan, "-");
		ast_channel_unref(chan);
	}
}
