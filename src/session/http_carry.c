#include "session/exchange.h"

/* A request's body that comes more slowly than this over that time is not waited for (a slow one holds a server). */
#define PACE_TIME (10 * (micros)SECOND_IN_MICROS)
#define PACE_LEAST 5000

static enum http_step client_left(struct http_client *client)
{
    return http_cut(client, REASON_CLIENT_GONE);
}

/* ---- the server is lost ---------------------------------------------------------------------------------------------- */

/* Nothing of an answer came. What is idempotent may be asked once more (RFC 9110 section 9.2.2), if we still have all of it;
 * and so may what never left. */
static bool may_ask_again(const struct exchange *e)
{
    return e->kept_whole && e->words && !e->retried && !e->answered && e->interim == 0 && e->head.position == 0 &&
           (e->idempotent || e->unsent);
}

/* A worker may have been followed by another one in its place, which is at home for the same clients; or by none. */
static bool is_there_still(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct server_states *states = client->context->share->states;
    return e->visit.server->slot == 0 ||
           server_try_known(states, e->visit.server->number, e->pick.door, http_now(client));
}

static enum http_step ask_again(struct http_client *client)
{
    struct exchange *e = client->exchange;
    bool was_idle = e->reused;
    http_close_link(e, true);
    flow_fini(&e->in.flow, &client->context->kit);
    e->in.flow = (struct flow){0};
    e->asked = false;
    e->retried = true;
    e->worker_by = http_now(client) + http_plan(client)->timeouts.worker; /* it is begun anew */
    if (e->visit.request)
        e->visit.request->retried = true;
    counter_add(client->context->counters, COUNTER_RETRIES, 1);
    if (!was_idle || !is_there_still(client)) /* it was not only tired of waiting */
        return HTTP_PICK;
    e->connect_by = http_now(client) + http_plan(client)->timeouts.connect;
    e->retries = 0;
    return e->visit.server->slot != 0 ? HTTP_HAND : HTTP_TRY;
}

enum http_step http_lost_server(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (may_ask_again(e))
        return ask_again(client);
    if (e->answered)
        return http_cut(client, REASON_SERVER_GONE);
    http_close_link(e, true);
    return http_refuse(client, REASON_SERVER_GONE, 502, "the server ended the connection before it answered");
}

/* ---- the request ----------------------------------------------------------------------------------------------------- */

static enum flow_answer send_words(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct span words = span_of(e->words->bytes, e->words->length);
    e->asked = true;
    e->head = (struct head){0};
    e->last_move = e->rate_since = http_now(client);
    if (e->visit.request)
        e->visit.request->asked = http_now(client);
    enum flow_answer answer = flow_send(&e->in.flow, &e->link->stream, &words, 1, words.length);
    e->unsent = answer == FLOW_TO_BROKE || answer == FLOW_TO_LEFT;
    return answer;
}

enum upload { UPLOAD_FINE, UPLOAD_CLIENT_GONE, UPLOAD_SERVER_DEAF, UPLOAD_BAD, UPLOAD_TOO_LARGE, UPLOAD_NO_MEMORY };

static enum upload of_flow(struct http_client *client, enum flow_answer answer)
{
    switch (answer) {
    case FLOW_AGAIN:
        loop_again(&client->context->loop, &client->stream.source);
        return UPLOAD_FINE;
    case FLOW_WAIT:
        return UPLOAD_FINE;
    case FLOW_DONE:
        return client->exchange->in.done ? UPLOAD_FINE : UPLOAD_CLIENT_GONE;
    case FLOW_FROM_BROKE:
        return UPLOAD_CLIENT_GONE;
    case FLOW_TO_BROKE:
    case FLOW_TO_LEFT:
        return UPLOAD_SERVER_DEAF;
    case FLOW_NO_MEMORY:
        break;
    }
    return UPLOAD_NO_MEMORY;
}

static enum upload upload(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const char *why = NULL;
    enum flow_answer answer = FLOW_AGAIN;
    if (e->deaf || (e->in.done && e->asked && !flow_holds_bytes(&e->in.flow)))
        return UPLOAD_FINE;
    if (!e->asked) {
        answer = send_words(client);
        if (answer != FLOW_AGAIN || e->in.done)
            return answer == FLOW_AGAIN ? UPLOAD_FINE : of_flow(client, answer);
    }
    uint64_t before = e->in.flow.moved;
    answer = http_body_run(client, &e->in, &client->stream, &e->link->stream, &why);
    if (e->in.flow.moved > before)
        e->last_move = http_now(client);
    if (why) {
        e->visit.detail = why;
        return UPLOAD_BAD;
    }
    return http_body_is_too_large(client) ? UPLOAD_TOO_LARGE : of_flow(client, answer);
}

/* The request breaks off: so does what the server got of it. */
static enum http_step break_off(struct http_client *client, enum reason reason, unsigned status)
{
    struct exchange *e = client->exchange;
    http_close_link(e, true);
    if (e->answered)
        return http_cut(client, reason);
    return http_refuse(client, reason, status, e->visit.detail);
}

/* ---- the answer ------------------------------------------------------------------------------------------------------ */

static enum http_step bad_answer(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (e->answered)
        return http_cut(client, REASON_BAD_ANSWER);
    http_close_link(e, true);
    return http_refuse(client, REASON_BAD_ANSWER, 502, e->visit.detail);
}

/* HTTP_WAIT: goes on. */
static enum http_step begin_answer(struct http_client *client)
{
    struct exchange *e = client->exchange;
    for (;;) {
        struct stream *stream = &e->link->stream;
        if (e->news.waiting > 0)
            return HTTP_WAIT;
        if (!stream->readable && !stream_holds(stream))
            return e->deaf ? http_lost_server(client) : HTTP_WAIT;
        uint8_t interim = e->interim;
        enum http_answer answer = http_read_answer(client);
        switch (answer) {
        case HTTP_ANSWER_BEGUN:
            e->last_move = http_now(client);
            return HTTP_WAIT;
        case HTTP_ANSWER_MORE:
            if (e->interim != interim || stream->readable)
                continue;
            return HTTP_WAIT;
        case HTTP_ANSWER_LOST:
            return http_lost_server(client);
        case HTTP_ANSWER_BAD:
            return bad_answer(client);
        case HTTP_ANSWER_CLIENT_GONE:
            return client_left(client);
        case HTTP_ANSWER_UPGRADE:
            return http_upgrade(client);
        case HTTP_ANSWER_NO_MEMORY:
            return http_cut(client, REASON_NO_MEMORY);
        }
    }
}

/* HTTP_WAIT: goes on; HTTP_NEXT: all of it is given on. */
static enum http_step download(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const char *why = NULL;
    uint64_t before = e->out.flow.moved;
    enum flow_answer answer = http_body_run(client, &e->out, &e->link->stream, &client->stream, &why);
    if (e->out.flow.moved > before)
        e->last_move = http_now(client);
    if (why) {
        e->visit.detail = why;
        return bad_answer(client);
    }
    switch (answer) {
    case FLOW_AGAIN:
        loop_again(&client->context->loop, &client->stream.source);
        return HTTP_WAIT;
    case FLOW_WAIT:
        return HTTP_WAIT;
    case FLOW_DONE:
        return e->out.done ? HTTP_NEXT : http_cut(client, REASON_SERVER_GONE);
    case FLOW_FROM_BROKE:
        return http_cut(client, REASON_SERVER_GONE);
    case FLOW_TO_BROKE:
    case FLOW_TO_LEFT:
        return client_left(client);
    case FLOW_NO_MEMORY:
        break;
    }
    return http_cut(client, REASON_NO_MEMORY);
}

/* ---- deadlines ------------------------------------------------------------------------------------------------------- */

/* The client still owes some of its body, and the server would take it. */
static bool waits_for_client(const struct exchange *e)
{
    return !e->in.done && !e->answered && !e->expects && e->link->stream.writable && !flow_holds_bytes(&e->in.flow);
}

static bool is_too_slow(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (!waits_for_client(e)) {
        e->rate_since = http_now(client);
        e->rate_moved = e->in.flow.moved;
        return false;
    }
    if (http_now(client) < e->rate_since + PACE_TIME)
        return false;
    bool slow = e->in.flow.moved - e->rate_moved < PACE_LEAST;
    e->rate_since = http_now(client);
    e->rate_moved = e->in.flow.moved;
    return slow;
}

bool http_somebody_reads(struct http_client *client)
{
    struct exchange *e = client->exchange;
    size_t unsent = relay_unsent(&client->stream, e->link ? &e->link->stream : &client->stream);
    bool reads = unsent > 0 && (e->unsent_at != e->last_move || unsent < e->undelivered);
    e->undelivered = unsent;
    if (reads)
        e->last_move = http_now(client);
    e->unsent_at = e->last_move;
    return reads;
}

static enum http_step wait_on(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const struct plan_timeouts *timeouts = &http_plan(client)->timeouts;
    micros deadline = e->last_move + (e->answered ? timeouts->idle : timeouts->answer);
    if (is_too_slow(client))
        return break_off(client, REASON_SLOW_BODY, 408);
    if (http_now(client) >= deadline && http_somebody_reads(client))
        deadline = http_now(client) + (e->answered ? timeouts->idle : timeouts->answer);
    if (http_now(client) >= deadline) {
        if (e->answered)
            return http_cut(client, REASON_IDLE);
        http_close_link(e, true);
        return http_refuse(client, REASON_ANSWER_TIMEOUT, 504, "the server did not answer in time");
    }
    micros pace = e->rate_since + PACE_TIME;
    return http_wait(client, waits_for_client(e) && pace < deadline ? pace : deadline);
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

/* The client may wait for a 100 that it could not take at once. False: it is gone. */
static bool send_interim(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (e->answered || !flow_holds_bytes(&e->out.flow) || !client->stream.writable)
        return true;
    enum flow_answer answer = flow_send_rest(&e->out.flow, &client->stream);
    return answer == FLOW_AGAIN || answer == FLOW_WAIT;
}

static enum http_step after_upload(struct http_client *client, enum upload result)
{
    switch (result) {
    case UPLOAD_FINE:
        break;
    case UPLOAD_SERVER_DEAF: /* it may have answered before it left */
        client->exchange->deaf = true;
        client->exchange->link->stream.readable = true;
        break;
    case UPLOAD_CLIENT_GONE:
        return client_left(client);
    case UPLOAD_BAD:
        return break_off(client, REASON_BAD_BODY, 400);
    case UPLOAD_TOO_LARGE:
        return break_off(client, REASON_BODY_TOO_LARGE, 413);
    case UPLOAD_NO_MEMORY:
        return http_cut(client, REASON_NO_MEMORY);
    }
    return HTTP_WAIT;
}

enum http_step http_step_carry(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (client->stream.broken || !send_interim(client))
        return client_left(client);
    enum http_step next = after_upload(client, upload(client));
    if (next == HTTP_WAIT && !e->answered)
        next = begin_answer(client);
    if (next == HTTP_WAIT && e->answered)
        next = download(client);
    if (next == HTTP_WAIT)
        return wait_on(client);
    if (next == HTTP_NEXT)
        http_end_visit(e, REASON_DONE);
    return next;
}
