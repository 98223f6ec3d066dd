/*
 * res_coach: tag, untag, coach, uncoach: what every interface does.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_PRIVACY_H
#define COACH_ASTERISK_PRIVACY_H

#include "leg.h"

/* What the dialplan, or an interface, says of the call at a channel. Where a value is empty or malformed, doubt ends in silence: logged, and
 * private to nobody, or without tags. Nonzero: nothing has changed; the call could not be hooked, and must not go on, or it is gone. */
int privacy_set_tags(struct ast_channel *chan, const char *tags);
int privacy_set_speak_only_to(struct ast_channel *chan, const char *speak_only_to);
int privacy_untag(struct ast_channel *chan);
int privacy_uncoach(struct ast_channel *chan);
/* Makes a channel private to nobody, by its unique id. */
void privacy_close(const char *uniqueid);
/* A text command as `coach_command` takes it, its words parted by one space, with the channel hooked that it is about.
 * Nonzero: the answer is not `+OK`. */
int privacy_command(const char *command, struct ast_str **answer);
/* The same for a member that is found already, in a conference: a verb, and what comes after the member. */
int privacy_command_about(struct leg *leg, const char *verb, const char *room, const char *value, struct ast_str **answer);
/* Holds a member of a conference by command, or ends that. Why that cannot be, or NULL. */
const char *privacy_hold(struct leg *leg, int on);
/* From now on no channel is hooked. Nonzero: somebody speaks privately, which is logged, and nothing has changed. */
int privacy_end(void);
/* Writes the tags of all legs to their channels, for the module to take up when it is loaded again. */
void privacy_keep_tags(void);
void privacy_take_up_tags(void);
/* Waits until what was said privately before an `uncoach` is no longer on its way. Nonzero: it still is, which is logged, and channels
 * are hooked again as before `privacy_end`. */
int privacy_wait_for_guard(void);

#endif /* COACH_ASTERISK_PRIVACY_H */
