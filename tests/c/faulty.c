/* Mistakes on purpose, to show that the tools that judge the other programs see them: `faulty <libcoach.so> <mistake>`. */
#include "host.h"

static void *volatile lost;

int main(int argc, char **argv)
{
    host_load(argc, argv);
    const char *mistake = argc > 2 ? argv[2] : "";
    host_mixed(NULL);
    int16_t *frame = malloc(SAMPLES * sizeof *frame);
    volatile int index = SAMPLES, shift = 32;
    if (strcmp(mistake, "none") == 0) {
        fill(frame, SAMPLES, LEVEL);
    } else if (strcmp(mistake, "overflow") == 0) {
        frame[index] = 1;
    } else if (strcmp(mistake, "leak") == 0) {
        lost = malloc(1000);
        lost = NULL;
    } else if (strcmp(mistake, "undefined") == 0) {
        index = 1 << shift;
    } else if (strcmp(mistake, "lie") == 0) { /* the library writes where the host had no right to let it */
        coach.read(call.manager, frame, RATE, 1, 2 * SAMPLES);
    } else {
        return 2;
    }
    free(frame);
    hang_up(NULL);
    return 0;
}
