#include "base/clock.h"

#include "base/text.h"

#include <stdbool.h>
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

/* A wall clock before 1970 prints as its first second: such a clock is wrong anyway. False then. */
static bool break_down(micros wall, struct tm *utc)
{
    time_t seconds = (time_t)(wall / SECOND_IN_MICROS);
    if (wall >= 0 && gmtime_r(&seconds, utc))
        return true;
    seconds = 0;
    gmtime_r(&seconds, utc);
    return false;
}

void clock_text(micros wall, char text[CLOCK_TEXT_SIZE])
{
    struct tm utc;
    int millis = break_down(wall, &utc) ? (int)(wall % SECOND_IN_MICROS / MILLIS_IN_MICROS) : 0;
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03dZ", millis);
}

/* Not strftime(3), whose words follow the locale. */
static void write_date(micros wall, char date[CLOCK_DATE_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct text text;
    struct tm utc;
    break_down(wall, &utc);
    text_init(&text, date, CLOCK_DATE_SIZE);
    text_add_format(&text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * (size_t)utc.tm_wday, utc.tm_mday,
                    months + 3 * (size_t)utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

const char *clock_date(struct clock_date *date, micros wall)
{
    int64_t second = wall / SECOND_IN_MICROS;
    if (date->second != second || date->text[0] == '\0') {
        date->second = second;
        write_date(wall, date->text);
    }
    return date->text;
}

int clock_patience(micros left)
{
    const micros hour = 3600 * (micros)SECOND_IN_MICROS;
    if (left <= 0)
        return 0;
    return (int)(((left < hour ? left : hour) + MILLIS_IN_MICROS - 1) / MILLIS_IN_MICROS);
}
