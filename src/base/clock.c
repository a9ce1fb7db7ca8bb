#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static micros read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (micros)now.tv_sec * SECOND_IN_MICROS + now.tv_nsec / 1000;
}

micros clock_steady(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

micros clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_text(micros wall, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall / SECOND_IN_MICROS);
    int millis = (int)(wall % SECOND_IN_MICROS / MILLIS_IN_MICROS);
    struct tm utc;

    /* A wall clock before 1970 prints as its first second: such a clock is wrong anyway. */
    if (wall < 0 || !gmtime_r(&seconds, &utc)) {
        seconds = 0;
        millis = 0;
        gmtime_r(&seconds, &utc);
    }
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03dZ", millis);
}

int clock_patience(micros left)
{
    const micros hour = 3600 * (micros)SECOND_IN_MICROS;
    if (left <= 0)
        return 0;
    return (int)(((left < hour ? left : hour) + MILLIS_IN_MICROS - 1) / MILLIS_IN_MICROS);
}
