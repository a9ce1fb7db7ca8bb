#include "main/server_name.h"

#include "cli/ask.h"
#include "conf/suggest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool server_name_is_whole(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash && slash != name && slash[1] != '\0' && strlen(name) <= SERVER_NAME_MOST;
}

/* Calls for each server, with its whole name, until the visitor gives one back. */
static const json_t *each_server(const json_t *status,
                                 const json_t *(*visit)(void *context, char *name, const json_t *server), void *context)
{
    size_t i, j;
    const json_t *pool, *server;
    json_array_foreach(json_object_get(status, "pools"), i, pool)
    {
        const char *pool_name = json_string_value(json_object_get(pool, "name"));
        json_array_foreach(json_object_get(pool, "servers"), j, server)
        {
            const char *own = json_string_value(json_object_get(server, "name"));
            char *name = NULL;
            if (!pool_name || !own || asprintf(&name, "%s/%s", pool_name, own) < 0)
                continue;
            const json_t *found = visit(context, name, server);
            if (found)
                return found;
        }
    }
    return NULL;
}

static const json_t *is_it(void *context, char *name, const json_t *server)
{
    bool same = strcmp(name, context) == 0;
    free(name);
    return same ? server : NULL;
}

const json_t *server_name_find(const json_t *status, const char *name)
{
    return each_server(status, is_it, (void *)name);
}

struct nearest {
    struct suggest suggest;
    char *best; /* suggest.best, and ours */
};

static const json_t *compare(void *context, char *name, const json_t *server)
{
    struct nearest *nearest = context;
    suggest_try(&nearest->suggest, name);
    if (nearest->suggest.best == name) {
        free(nearest->best);
        nearest->best = name;
    } else {
        free(name);
    }
    return NULL;
}

char *server_name_nearest(const json_t *status, const char *name)
{
    struct nearest nearest = {.best = NULL};
    suggest_init(&nearest.suggest, span_text(name));
    each_server(status, compare, &nearest);
    return nearest.best;
}

char *server_name_nearest_pool(const json_t *status, const char *name)
{
    struct suggest suggest;
    size_t i;
    const json_t *pool;
    suggest_init(&suggest, span_text(name));
    json_array_foreach(json_object_get(status, "pools"), i, pool)
    {
        const char *candidate = json_string_value(json_object_get(pool, "name"));
        if (candidate)
            suggest_try(&suggest, candidate);
    }
    return suggest.best ? strdup(suggest.best) : NULL;
}

void server_name_say_refused(const struct ask *ask, const struct ask_answer *refusal,
                             char *(*nearest)(const json_t *status, const char *name), const char *name)
{
    struct ask_answer status;
    fprintf(stderr, "limpet %s: %s", ask->command, ask_complaint(refusal));
    if (refusal->status == 404 && ask_status(ask, &status) == EXIT_FINE) {
        char *best = nearest(status.json, name);
        if (best)
            fprintf(stderr, " (did you mean %s?)", best);
        else
            fputs("; `limpet status` lists what there is", stderr);
        free(best);
        ask_answer_fini(&status);
    }
    fputc('\n', stderr);
}
