#include "demo/score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Addresses that belong to nobody: TEST-NET-3 (RFC 5737), and the benchmark network (RFC 2544) when that is too small.
 * Eight clients spread over three servers as chance has it; from .50 on they happen to do so evenly. */
static void name_client(struct demo_client *client, size_t number, size_t count)
{
    if (count <= 200)
        snprintf(client->name, sizeof(client->name), "203.0.113.%zu", number + 50);
    else
        snprintf(client->name, sizeof(client->name), "198.18.%zu.%zu", number / 250, number % 250 + 1);
}

bool demo_score_init(struct demo_score *score, size_t clients)
{
    *score = (struct demo_score){.clients = calloc(clients, sizeof(*score->clients)), .client_count = clients};
    if (!score->clients)
        return false;
    for (size_t i = 0; i < clients; i++) {
        name_client(&score->clients[i], i, clients);
        score->clients[i].home = score->clients[i].last = DEMO_NOWHERE;
    }
    for (int i = 0; i < DEMO_SERVERS; i++)
        score->servers[i].name = (char)('a' + i);
    return true;
}

void demo_score_fini(struct demo_score *score)
{
    free(score->clients);
    score->clients = NULL;
}

static void remember(struct demo_client *client, int server)
{
    client->history[client->visits++ % DEMO_HISTORY] = (int16_t)server;
    client->last = server;
}

static enum demo_outcome judge(const struct demo_score *score, const struct demo_client *client, int server,
                               micros began)
{
    bool strayed = client->last != client->home;
    if (client->home == DEMO_NOWHERE)
        return DEMO_FIRST;
    if (client->home == server)
        return strayed ? DEMO_RETURN : DEMO_HOME;
    if (score->servers[client->home].away || began <= score->servers[client->home].back)
        return client->last == server ? DEMO_DETOUR_AGAIN : DEMO_DETOUR;
    return DEMO_MOVED;
}

static void count_astray(struct demo_score *score)
{
    score->astray = 0;
    for (size_t i = 0; i < score->client_count; i++)
        score->astray += score->clients[i].last != score->clients[i].home;
}

enum demo_outcome demo_score_visit(struct demo_score *score, struct demo_client *client, int server, micros began,
                                   micros now)
{
    enum demo_outcome outcome = judge(score, client, server, began);
    struct demo_server *answered = &score->servers[server];
    if (outcome == DEMO_FIRST) {
        client->home = server;
        answered->residents++;
    }
    if (!answered->away && answered->back == INT64_MAX)
        answered->back = now;
    answered->visits++;
    score->visits++;
    score->moved += outcome == DEMO_MOVED;
    score->detours += outcome == DEMO_DETOUR || outcome == DEMO_DETOUR_AGAIN;
    remember(client, server);
    count_astray(score);
    return outcome;
}

void demo_score_failure(struct demo_score *score, struct demo_client *client)
{
    int last = client->last;
    score->failed++;
    remember(client, DEMO_NOWHERE);
    client->last = last;
}

void demo_score_guest(struct demo_score *score, const char *name, int server)
{
    struct demo_client *guest = NULL;
    for (size_t i = 0; i < DEMO_GUESTS && !guest; i++)
        if (strcmp(score->guests[i].name, name) == 0)
            guest = &score->guests[i];
    if (!guest) {
        guest = &score->guests[score->guest_count++ % DEMO_GUESTS];
        *guest = (struct demo_client){.home = server};
        snprintf(guest->name, sizeof(guest->name), "%s", name);
    }
    remember(guest, server);
    score->servers[server].visits++;
}

void demo_score_leave(struct demo_score *score, int server)
{
    score->servers[server].away = true;
    score->servers[server].back = INT64_MAX;
}

void demo_score_return(struct demo_score *score, int server)
{
    score->servers[server].away = false;
}
