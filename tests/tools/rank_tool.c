/* Prints rankings for whoever wants to compare them: rank_tool SEED POOL NAME=WEIGHT... reads one key per line from
 * standard input, "TAG HEX", and answers "KEY_HASH LOG_HASH NAME=DISTANCE...", best first. */

#include "route/pick.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVERS_MAX 1000
#define KEY_MAX 20000

static struct plan_server servers[SERVERS_MAX];
static struct plan_pool pool = {.servers = servers};
static struct plan plan = {.pools = &pool, .pool_count = 1};

static int hex_digit(int c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c > 0 ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static size_t read_hex(const char *text, uint8_t *bytes)
{
    size_t length = 0;
    for (; hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0 && length < KEY_MAX; text += 2)
        bytes[length++] = (uint8_t)(hex_digit(text[0]) * 16 + hex_digit(text[1]));
    return length;
}

static bool add_server(char *word)
{
    char *weight = strrchr(word, '=');
    if (!weight || pool.server_count == SERVERS_MAX)
        return false;
    *weight++ = '\0';
    size_t number = pool.server_count++;
    servers[number] = (struct plan_server){.name = word, .weight = (uint16_t)atoi(weight), .number = number};
    return true;
}

static void print_ranking(const struct ranking *ranking, enum key_tag tag, struct span key)
{
    static struct rank_entry entries[SERVERS_MAX];
    uint64_t hash = rank_key_hash(&ranking->seed, tag, key);

    pick_ranking(&pool, ranking, hash, entries);
    printf("%016llx %08lx", (unsigned long long)hash, (unsigned long)rank_log_hash(&ranking->seed, tag, key));
    for (size_t i = 0; i < pool.server_count; i++)
        printf(" %s=%llu", entries[i].name, (unsigned long long)entries[i].distance);
    putchar('\n');
}

int main(int argc, char **argv)
{
    static char line[2 * KEY_MAX + 8];
    static uint8_t key[KEY_MAX];

    if (argc < 4) {
        fputs("usage: rank_tool SEED POOL NAME=WEIGHT... < KEYS\n", stderr);
        return 2;
    }
    plan.seed = span_text(argv[1]);
    pool.name = argv[2];
    for (int i = 3; i < argc; i++)
        if (!add_server(argv[i]))
            return 2;
    plan.server_count = pool.server_count;
    struct ranking *ranking = ranking_new(&plan);
    if (!ranking)
        return 1;
    while (fgets(line, sizeof(line), stdin)) {
        if ((line[0] != '1' && line[0] != '2') || line[1] != ' ')
            break;
        print_ranking(ranking, (enum key_tag)(line[0] - '0'), span_of(key, read_hex(line + 2, key)));
    }
    ranking_free(ranking);
    return 0;
}
