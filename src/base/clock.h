#ifndef LIMPET_BASE_CLOCK_H
#define LIMPET_BASE_CLOCK_H

/* Two clocks that are never mixed. The steady clock (CLOCK_MONOTONIC) decides every wait; the wall clock
 * (CLOCK_REALTIME) is only ever printed or sealed, so that a jump of it moves no deadline. Units: microseconds. */

#include <stddef.h>
#include <stdint.h>

typedef int64_t micros;

#define MILLIS_IN_MICROS 1000
#define SECOND_IN_MICROS 1000000

micros clock_steady(void);
micros clock_wall(void);

/* So long as milliseconds for poll(2) and its like, rounded up; at most an hour: they count in an int. */
int clock_patience(micros left);

/* Writes "2026-01-31T23:59:59.123Z" (RFC 3339, UTC) and a NUL. */
#define CLOCK_TEXT_SIZE 32
void clock_text(micros wall, char text[CLOCK_TEXT_SIZE]);

/* The time as HTTP tells it: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). Kept by whoever tells it often, so that
 * it is written once for each second; all zeros at first. */
#define CLOCK_DATE_SIZE 30
struct clock_date {
    int64_t second;
    char text[CLOCK_DATE_SIZE];
};
const char *clock_date(struct clock_date *date, micros wall);

#endif
