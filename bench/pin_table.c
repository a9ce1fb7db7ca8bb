/* The table of pins alone: what a pin takes and what a look costs, and what an attack with ever new keys does to it.
 *
 * usage: pin_table COUNT FLOOD THREADS: claims COUNT pins, looks for each of them once, in no order, and for as many that are not
 * there; all threads at once. In a second table of the same size half as many are claimed and seen again; then FLOOD new keys
 * come. Prints what it measured, a name and a number on each line. Nanoseconds are CPU time of one step. */

#include "route/pin_table.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MOST = 64 };

#define LIFETIME (3600 * (micros)SECOND_IN_MICROS)
#define MOST (1 << 20) /* what limpet has where the file says nothing */
#define NOT_THERE ((uint64_t)1 << 40)

static struct pin_table *table;
static micros now;

struct task {
    pthread_t thread;
    bool (*step)(uint64_t number);
    uint64_t first, last, count; /* of numbers; they are taken in no order */
    uint64_t done;
};

static uint64_t mix(uint64_t number)
{
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

static struct mark mark_of(uint64_t number)
{
    return (struct mark){.low = mix(2 * number + 1), .high = mix(2 * number + 2)};
}

static bool claim(uint64_t number)
{
    struct pin pin = {
        .mark = mark_of(number), .server = 1 + number % 5, .until = (uint32_t)((now + LIFETIME) / SECOND_IN_MICROS)};
    return pin_table_claim(table, &pin, PIN_TABLE_NOBODY, now) && pin.server == 1 + number % 5;
}

static bool look(uint64_t number)
{
    struct pin pin;
    return pin_table_look(table, mark_of(number), LIFETIME, now, &pin) && pin.server == 1 + number % 5;
}

static bool look_in_vain(uint64_t number)
{
    return look(NOT_THERE + number);
}

static void *work(void *argument)
{
    struct task *task = argument;
    /* Steps of a prime number lead through all of them, and not one after the other. */
    for (uint64_t i = task->first; i < task->last; i++)
        task->done += task->step(i * 7919 % task->count);
    return NULL;
}

/* Of all threads: what else the machine does is not in it. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* CPU nanoseconds for each; how many said yes is added to *done. */
static double measure(bool (*step)(uint64_t number), uint64_t count, unsigned threads, uint64_t *done)
{
    struct task tasks[THREADS_MOST];
    double begun = cpu_seconds();
    for (unsigned i = 0; i < threads; i++) {
        tasks[i] = (struct task){
            .step = step, .first = count * i / threads, .last = count * (i + 1) / threads, .count = count};
        if (pthread_create(&tasks[i].thread, NULL, work, &tasks[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(tasks[i].thread, NULL);
        *done += tasks[i].done;
    }
    return (cpu_seconds() - begun) * 1e9 / (double)count;
}

/* Bytes that are resident, shared ones too. */
static double resident(void)
{
    unsigned long pages, all;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &all, &pages) != 2)
        exit(1);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* As the keeper makes it: memory to which pages come as they are touched. */
static void *open_table(void)
{
    size_t size = pin_memory_size(MOST);
    int fd = memfd_create("pins", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        exit(1);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    now = clock_steady();
    table = memory != MAP_FAILED ? pin_table_new(memory, MOST, now) : NULL;
    if (!table)
        exit(1);
    return memory;
}

static void close_table(void *memory)
{
    pin_table_free(table);
    munmap(memory, pin_memory_size(MOST));
}

static void measure_steps(uint64_t count, unsigned threads)
{
    uint64_t claimed = 0, found = 0, strangers = 0;
    double before = resident();
    void *memory = open_table();
    printf("empty_bytes %.0f\n", resident() - before);
    printf("claim_ns %.1f\n", measure(claim, count, threads, &claimed));
    printf("bytes_per_pin %.2f\n", (resident() - before) / (double)count);
    printf("look_ns %.1f\n", measure(look, count, threads, &found));
    printf("miss_ns %.1f\n", measure(look_in_vain, count, threads, &strangers));
    printf("claimed %zu\nfound %zu\nstrangers %zu\n", claimed, found, strangers);
    printf("shared_bytes_per_pin %.2f\n", (double)pin_memory_size(MOST) / MOST);
    close_table(memory);
}

static uint64_t flood_from;

static bool claim_new(uint64_t number)
{
    return claim(flood_from + number);
}

static void measure_flood(uint64_t seen, uint64_t flood, unsigned threads)
{
    uint64_t done = 0, left = 0;
    double before = resident();
    void *memory = open_table();
    measure(claim, seen, threads, &done);
    measure(look, seen, threads, &done);
    flood_from = NOT_THERE;
    printf("flood_ns %.1f\n", measure(claim_new, flood, threads, &done));
    printf("flood_bytes %.0f\n", resident() - before);
    printf("flood_pins %zu\n", pin_table_count(table));
    measure(look, seen, threads, &left);
    printf("seen %zu\nleft %zu\n", seen, left);
    close_table(memory);
}

int main(int count, char **words)
{
    if (count != 4 || atoi(words[3]) < 1 || atoi(words[3]) > THREADS_MOST || strtoull(words[1], NULL, 10) < 2)
        return 2;
    uint64_t pins = strtoull(words[1], NULL, 10), flood = strtoull(words[2], NULL, 10);
    unsigned threads = (unsigned)atoi(words[3]);
    measure_steps(pins, threads);
    measure_flood(pins / 2, flood, threads);
    return 0;
}
