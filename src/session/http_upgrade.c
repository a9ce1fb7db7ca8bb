#include "session/connection.h"
#include "session/exchange.h"

/* The rest of the 101 that the client has not taken goes in front of what the server says. */
enum http_step http_upgrade(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct context *context = client->context;
    struct link *link = e->link;
    counter_add(context->counters, COUNTER_UPGRADES, 1);
    struct connection_upgrade upgrade = {
        .client = &client->stream,
        .server = &link->stream,
        .visit = &e->visit,
        .pick = &e->pick,
        .out = &e->out.flow,
        .bytes_in = e->bytes_in + e->in.flow.moved,
        .listener = client->number,
        .counted = client->counted || e->counted,
    };
    if (connection_upgrade(context, &upgrade) != 0)
        return http_cut(client, REASON_NO_MEMORY);
    e->link = NULL;
    e->live = false;
    e->counted = client->counted = false;
    client->listener = NULL;       /* its place is the connection's now */
    e->visit.reason = REASON_DONE; /* and so is the line in the log */
    link_bury(&http_room_of(client)->links, link);
    return HTTP_OVER;
}
