/*
 * res_coach: load and unload.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "cli.h"
#include "conference.h"
#include "dialplan.h"
#include "event.h"
#include "leg.h"
#include "manager.h"
#include "manager_hold.h"
#include "misspelt.h"
#include "privacy.h"
#include "rescan.h"
#include "settings.h"
#include "sync.h"
#include "sync_queue.h"

#include "asterisk/module.h"

#include <dlfcn.h>

coach_engine_t engine;

/* `module unload -h` goes past a refusal, and takes the code away that Asterisk's threads are in. So whoever refuses keeps it in memory. */
static void *held;
/* Everything is at work. */
static int running;

static void hold(void)
{
	Dl_info self;

	if (!held && dladdr(&held, &self)) {
		held = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	}
}

/* Asterisk has its own hold still: this code is there until it has returned. */
static void let_go(void)
{
	if (held) {
		dlclose(held);
		held = NULL;
	}
}

static pthread_t server = AST_PTHREADT_NULL;
static int serving;

/* A thread of ours, not of the engine's: it is gone when the module is. */
static void *serve(void *data)
{
	while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE)) {
		coach_engine_service(engine);
		usleep(10000);
	}
	return NULL;
}

static int server_start(void)
{
	serving = 1;
	return ast_pthread_create_background(&server, NULL, serve, NULL);
}

static void server_stop(void)
{
	__atomic_store_n(&serving, 0, __ATOMIC_RELEASE);
	if (server != AST_PTHREADT_NULL) {
		pthread_join(server, NULL);
		server = AST_PTHREADT_NULL;
	}
}

/* Nonzero: nothing works any more, but this has to stay in memory. */
static int stop(void)
{
	int in_use;

	manager_hold_stop();
	manager_stop();
	cli_stop();
	misspelt_stop();
	dialplan_stop();
	rescan_stop();
	/* From here on no leg comes and no frame. */
	in_use = legs_unhook();
	sync_queue_stop();
	conferences_stop();
	legs_stop();
	server_stop();
	coach_engine_service(engine); /* what waits to be told is told now, or never */
	coach_engine_destroy(engine);
	if (in_use) {
		ast_log(LOG_ERROR, "Coach has stopped, but stays in memory: Asterisk holds a channel that never hung up\n");
	}
	return in_use;
}

static int start_interfaces(void)
{
	return dialplan_start() || misspelt_start() || cli_start() || manager_start() || manager_hold_start();
}

static int load_module(void)
{
	coach_engine_config_t config = COACH_ENGINE_CONFIG_INIT;

	if (held) {
		/* Asterisk let go of it by force, and takes this hold for its own. */
		held = NULL;
		if (running) {
			ast_log(LOG_NOTICE, "Coach has been at work since before it was unloaded by force, and goes on\n");
			return AST_MODULE_LOAD_SUCCESS;
		}
	}
	settings_read();
	config.flags = COACH_ENGINE_HOST_SERVICE | (settings.mode_sounds ? COACH_ENGINE_MODE_SOUNDS : 0);
	config.guard_ms = GUARD_MS;
	config.on_event = on_event;
	if (coach_engine_create(COACH_ABI_VERSION, &config, &engine)) {
		ast_log(LOG_ERROR, "Coach cannot start: %s\n", coach_last_error());
		return AST_MODULE_LOAD_DECLINE;
	}
	if (legs_start()) {
		coach_engine_destroy(engine);
		return AST_MODULE_LOAD_DECLINE;
	}
	if (server_start() || sync_queue_start(sync_channel, privacy_close) || rescan_start() || start_interfaces()) {
		ast_log(LOG_ERROR, "Coach cannot start: its names are registered by another module already, or memory is short\n");
		stop();
		return AST_MODULE_LOAD_DECLINE;
	}
	privacy_take_up_tags();
	running = 1;
	return AST_MODULE_LOAD_SUCCESS;
}

/* Without the hooks a private speaker would be heard by everyone: refused, however it is asked for. */
static int unload_module(void)
{
	if (privacy_end() || privacy_wait_for_guard()) {
		hold();
		return -1;
	}
	privacy_keep_tags();
	running = 0;
	if (stop()) {
		hold();
		return -1;
	}
	let_go();
	return 0;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_LOAD_ORDER, "Coach mode for ConfBridge",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.load_pri = AST_MODPRI_DEFAULT,
);
