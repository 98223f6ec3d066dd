/* mod_coach in a stand-in for FreeSWITCH, one call after the other: each test is named for what the switch or its people do. */
#include "call.h"

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: %s <mod_coach.so> [<pattern of names>]\n", argv[0]), 2;
    module_path = argv[1];
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    configuration[2][0] = "mode-sounds", configuration[2][1] = "false"; /* sums tell who is heard */
    alarm(1200); /* a hang ends; under Valgrind beside other work this takes minutes */
    int (*const topics[])(void) = {joining, settings, commands, moving, replacing, media, events, loading};
    int failed = 0;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) failed += topics[i]();
    return failed != 0;
}
