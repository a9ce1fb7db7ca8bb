#include "main/server_name.h"

#include "conf/suggest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

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
