/*
 * res_coach: actions of the manager interface.
 *
 * This program is free software, distributed under the terms of the GNU General Public License Version 2.
 */
#include "shim.h"

int manager_start(void)
{
	return 0;
}

void manager_stop(void)
{
}
