#include "control/doors.h"

#include "base/log.h"
#include "control/powers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

void doors_init(struct doors *doors, const struct plan *plan)
{
    memset(doors, 0, sizeof(*doors));
    doors->plan = plan;
}

static const char *user_of(const struct doors *doors, const struct listen_door *door)
{
    return doors->plan->pools[door->pool].workers->user;
}

static void stop_acting(void)
{
    if (powers_act_as(NULL) != 0)
        log_error("limpet does not get its own rights to files back");
}

/* What a worker has made us bind is removed with the worker's rights, too: it may have put something else there. */
static void door_free(const struct doors *doors, struct listen_door *door)
{
    if (!door)
        return;
    if (powers_act_as(user_of(doors, door)) == 0)
        post_close(&door->post);
    stop_acting();
    free(door);
}

void doors_close(struct doors *doors, unsigned number)
{
    door_free(doors, doors->all[number]);
    doors->all[number] = NULL;
}

void doors_fini(struct doors *doors)
{
    for (unsigned i = 0; i < SERVER_DOORS; i++)
        doors_close(doors, i);
}

/* ---- which place ---------------------------------------------------------------------------------------------------- */

/* The same call of listen(), as the cluster module sees it: its index tells two calls for port 0 apart. */
static bool is_same(const struct node_line *a, const struct node_line *b)
{
    return strcmp(a->address, b->address) == 0 && strcmp(a->type, b->type) == 0 && a->port == b->port &&
           a->index == b->index;
}

static const char *place_text(const struct node_line *line, char *buffer, size_t size)
{
    struct text text;
    bool is_unix = strcmp(line->type, "-1") == 0;
    bool is_ip6 = strchr(line->address, ':') != NULL;
    /* Node binds "::" for both families. */
    bool is_any = line->address[0] == '\0' || strcmp(line->address, "::") == 0;
    text_init(&text, buffer, size);
    if (is_unix)
        text_add_format(&text, "unix:%s", line->address);
    else if (is_any)
        text_add_format(&text, ":%lld", (long long)line->port);
    else
        text_add_format(&text, is_ip6 ? "[%s]:%lld" : "%s:%lld", line->address, (long long)line->port);
    return buffer;
}

/* A path is the worker's: relative ones start where it does. */
static void make_absolute(struct node_line *line, const struct plan_workers *workers)
{
    char path[2 * NODE_ADDRESS_MOST];
    struct text text;
    if (strcmp(line->type, "-1") != 0 || line->address[0] == '/' || !workers->directory)
        return;
    text_init(&text, path, sizeof(path));
    text_add_format(&text, "%s/%s", workers->directory, line->address);
    line->address_is_long |= text.length >= sizeof(line->address);
    text_init(&text, line->address, sizeof(line->address));
    text_add(&text, path);
}

static int place_of(const struct node_line *line, struct address *address)
{
    char words[NODE_ADDRESS_MOST + 32];
    if (strncmp(line->type, "udp", 3) == 0) {
        static struct log_limit limit;
        unsigned long skipped;
        if (log_limit_pass(&limit, 10, &skipped))
            log_warning("a worker asks for a UDP port; limpet carries connections only, and refuses");
        return -EACCES;
    }
    if (line->descriptor >= 0)
        return -ENOTSUP;
    if (line->address_is_long)
        return -ENAMETOOLONG;
    return address_parse(span_text(place_text(line, words, sizeof(words))), address) ? -EINVAL : 0;
}

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static unsigned unix_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0777 & ~mask;
}

/* Port 0 is any port, and the same one for every thread. */
static int choose_port(struct listen_door *door, const struct plan *plan)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    int fd = powers_listen(&door->address, plan->threads > 1, 0);
    if (fd < 0)
        return fd;
    door->post.fds[door->post.count++] = fd;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
        return -errno;
    address_set_port(&door->address, endpoint_from_sockaddr((const struct sockaddr *)&bound).port);
    while (door->post.count < plan->threads) {
        fd = powers_listen(&door->address, true, 0);
        if (fd < 0)
            return fd;
        door->post.fds[door->post.count++] = fd;
    }
    return 0;
}

static int open_door(struct listen_door *door, const struct plan *plan)
{
    bool any_port = !address_is_unix(&door->address) && address_port(&door->address) == 0;
    door->post.address = &door->address;
    door->post.listener = plan->pools[door->pool].app_listener;
    return any_port ? choose_port(door, plan) : post_open(&door->post, plan, unix_mode());
}

static int make_door(struct doors *doors, unsigned number, size_t pool, const struct node_line *line)
{
    struct listen_door *door = calloc(1, sizeof(*door));
    if (!door)
        return -ENOMEM;
    door->pool = pool;
    door->asked = *line;
    make_absolute(&door->asked, doors->plan->pools[pool].workers);
    int failure = place_of(&door->asked, &door->address);
    if (!failure)
        failure = powers_act_as(user_of(doors, door));
    if (!failure)
        failure = open_door(door, doors->plan);
    stop_acting();
    door->asked = *line;
    if (failure) {
        door_free(doors, door);
        return failure;
    }
    doors->all[number] = door;
    return (int)number;
}

int doors_find(struct doors *doors, size_t pool, const struct node_line *line, bool *fresh)
{
    unsigned room = 0;
    *fresh = false;
    for (unsigned i = SERVER_DOORS - 1; i > 0; i--) {
        const struct listen_door *door = doors->all[i];
        if (!door)
            room = i;
        else if (door->pool == pool && is_same(&door->asked, line))
            return (int)i;
    }
    *fresh = true;
    return room ? make_door(doors, room, pool, line) : -EMFILE;
}

void doors_sockname(const struct address *address, int64_t asked, struct text *json)
{
    char words[ENDPOINT_TEXT_SIZE];
    struct endpoint end;
    if (address_is_unix(address))
        return;
    end = endpoint_from_sockaddr((const struct sockaddr *)&address->storage);
    unsigned port = asked > 0 ? (unsigned)asked : end.port;
    end.port = 0;
    endpoint_text(&end, words);
    text_add_format(json, "{\"address\":\"%s\",\"family\":\"%s\",\"port\":%u}", words,
                    endpoint_is_ip4(&end) ? "IPv4" : "IPv6", port);
}
