#include "control/admin_answer.h"

#include "control/admin_http.h"
#include "control/metrics.h"
#include "control/pins_orders.h"
#include "proto/head_lookup.h"

#include <errno.h>
#include <stdlib.h>

/* Longer than every name that a configuration may give: a pool's, a slash, and a server's or an address. */
#define SERVER_MOST 1024

/* Longer than every key that can be remembered. */
#define KEY_MOST 4097

/* Holds a name, every byte of it escaped, and what is said about it. */
#define SMALL_MOST (SERVER_MOST * 6 + 1024)

/* A status of some ten servers fits at once. */
#define FIRST_CAPACITY 16384

#define JSON_TYPE "application/json"
#define WORDS_TYPE "text/plain; charset=utf-8"

/* One request as its handler sees it. */
struct asked {
    const struct admin_house *house;
    const struct admin_request *request;
    struct span bytes;
    struct span pool, key; /* for what is told of pins */
};

struct route {
    const char *method; /* GET answers HEAD, too */
    const char *path;
    const char *parameters;
    const char *help;
    int (*handle)(const struct asked *asked, struct admin_answer *answer);
    bool is_figure; /* it is also where there are only figures */
};

static int keep_as(struct admin_answer *answer, int status, const char *type, struct span words)
{
    size_t length = words.length + 1;
    *answer = (struct admin_answer){.status = status, .type = type, .body = malloc(length), .length = length};
    if (!answer->body)
        return -ENOMEM;
    memcpy(answer->body, words.data, words.length);
    answer->body[words.length] = '\n'; /* for whoever looks at it in a terminal */
    return 0;
}

static int keep(struct admin_answer *answer, int status, const struct text *json)
{
    return keep_as(answer, status, JSON_TYPE, span_of(json->data, json->length));
}

static int refuse_named(struct admin_answer *answer, int status, const char *why, struct span name)
{
    char said[SMALL_MOST / 6], buffer[SMALL_MOST];
    struct text words, json;
    text_init(&words, said, sizeof(said));
    text_init(&json, buffer, sizeof(buffer));
    text_add(&words, why);
    text_add_bytes(&words, name.data, name.length);
    text_add(&json, "{\"error\":");
    text_add_json(&json, span_of(words.data, words.length));
    text_add(&json, "}");
    return keep(answer, status, &json);
}

int admin_answer_refuse(struct admin_answer *answer, int status, const char *why)
{
    return refuse_named(answer, status, why, span_of(NULL, 0));
}

/* What is told of pins. */
static int refuse_pins(const struct asked *asked, struct admin_answer *answer, int failure)
{
    switch (failure) {
    case -ENOENT:
        return refuse_named(answer, 404, "there is no pool ", asked->pool);
    case -ENOTSUP:
        return asked->pool.length == 0
                   ? admin_answer_refuse(answer, 409, "nothing is pinned: no pool's `stick` names a table or a session")
                   : refuse_named(answer, 409, "nothing is pinned (`stick` names no table and no session) in the pool ",
                                  asked->pool);
    case -EPIPE:
        return admin_answer_refuse(answer, 503, "there is no engine at this moment: ask again");
    case -E2BIG:
        return admin_answer_refuse(answer, 400, "this key is too long to be remembered");
    default:
        return admin_answer_refuse(answer, 503, strerror(-failure));
    }
}

/* Asks for it with more and more room: how long it is only its writer knows. */
static int keep_long(const struct asked *asked, struct admin_answer *answer, const char *type,
                     int (*write)(const struct asked *asked, struct text *text))
{
    for (size_t capacity = FIRST_CAPACITY; capacity <= ADMIN_ANSWER_MOST; capacity *= 2) {
        char *buffer = malloc(capacity);
        if (!buffer)
            return admin_answer_refuse(answer, 503, "there is no memory for the answer");
        struct text text;
        text_init(&text, buffer, capacity);
        int failure = write(asked, &text);
        if (!failure && !text.cut) {
            *answer = (struct admin_answer){.status = 200, .type = type, .body = buffer, .length = text.length};
            return 0;
        }
        free(buffer);
        if (failure)
            return refuse_pins(asked, answer, failure);
    }
    return admin_answer_refuse(answer, 503, "the answer is longer than 64 MiB");
}

/* Its line end comes where its NUL was. */
static int keep_long_json(const struct asked *asked, struct admin_answer *answer,
                          int (*write)(const struct asked *asked, struct text *text))
{
    int failure = keep_long(asked, answer, JSON_TYPE, write);
    if (!failure && answer->status == 200)
        answer->body[answer->length++] = '\n';
    return failure;
}

static int write_status(const struct asked *asked, struct text *json)
{
    asked->house->calls->status(asked->house->context, json);
    return 0;
}

static int handle_status(const struct asked *asked, struct admin_answer *answer)
{
    return keep_long_json(asked, answer, write_status);
}

static int write_metrics(const struct asked *asked, struct text *text)
{
    asked->house->calls->metrics(asked->house->context, text);
    return 0;
}

static int handle_metrics(const struct asked *asked, struct admin_answer *answer)
{
    return keep_long(asked, answer, METRICS_TYPE, write_metrics);
}

static int tell_whether(struct admin_answer *answer, const char *words, const char * not )
{
    return keep_as(answer, not ? 503 : 200, WORDS_TYPE, span_text(not ? not : words));
}

static int handle_health(const struct asked *asked, struct admin_answer *answer)
{
    return tell_whether(answer, "ok", asked->house->calls->not_alive(asked->house->context));
}

static int handle_readiness(const struct asked *asked, struct admin_answer *answer)
{
    return tell_whether(answer, "ready", asked->house->calls->not_ready(asked->house->context));
}

/* What a parameter is, and what is said to whoever leaves it out or writes it in a way that cannot be read. */
struct parameter {
    const char *name, *missing, *wrong;
};

static const struct parameter server_parameter = {"server", "which server? Say ?server=POOL/NAME",
                                                  "this is no name of a server: write it percent-encoded"};
static const struct parameter pool_parameter = {"pool", "which pool? Say ?pool=NAME",
                                                "this is no name of a pool: write it percent-encoded"};
static const struct parameter key_parameter = {
    "key", "which key? Say key=KEY", "this is no key: write it percent-encoded, without NUL, and at most 4 KiB of it"};

/* Null, or what is to be said. `value` stays in `room`. */
static const char *read_parameter(const struct asked *asked, const struct parameter *parameter, struct text *room,
                                  struct span *value)
{
    int wrong = admin_request_parameter(asked->request, asked->bytes, parameter->name, room);
    *value = span_of(room->data, room->length);
    if (wrong == -ENOENT || (!wrong && room->length == 0))
        return parameter->missing;
    return wrong ? parameter->wrong : NULL;
}

static int refuse_drain(struct admin_answer *answer, int failure, struct span server)
{
    switch (failure) {
    case -ENOENT:
        return refuse_named(answer, 404, "there is no server ", server);
    case -ENOTSUP:
        return refuse_named(answer, 503, "this limpet cannot drain ", server);
    default:
        return refuse_named(answer, 503, strerror(-failure), span_of(NULL, 0));
    }
}

static int drain(const struct asked *asked, struct admin_answer *answer, bool draining)
{
    char name[SERVER_MOST], buffer[SMALL_MOST];
    struct text server, json;
    struct span which;
    text_init(&server, name, sizeof(name));
    const char *wrong = read_parameter(asked, &server_parameter, &server, &which);
    if (wrong)
        return admin_answer_refuse(answer, 400, wrong);
    int failure = asked->house->calls->drain(asked->house->context, which, draining);
    if (failure)
        return refuse_drain(answer, failure, which);
    text_init(&json, buffer, sizeof(buffer));
    text_add(&json, "{\"server\":");
    text_add_json(&json, which);
    text_add(&json, draining ? ",\"draining\":true}" : ",\"draining\":false}");
    return keep(answer, 200, &json);
}

static int handle_drain(const struct asked *asked, struct admin_answer *answer)
{
    return drain(asked, answer, true);
}

static int handle_undrain(const struct asked *asked, struct admin_answer *answer)
{
    return drain(asked, answer, false);
}

static int write_pins(const struct asked *asked, struct text *json)
{
    return asked->house->calls->pins(asked->house->context, asked->pool, json);
}

static int handle_pins(const struct asked *asked, struct admin_answer *answer)
{
    char name[SERVER_MOST];
    struct text pool;
    struct asked about = *asked;
    text_init(&pool, name, sizeof(name));
    const char *wrong = read_parameter(asked, &pool_parameter, &pool, &about.pool);
    return wrong ? admin_answer_refuse(answer, 400, wrong) : keep_long_json(&about, answer, write_pins);
}

static int write_pin(const struct asked *asked, struct text *json)
{
    return asked->house->calls->pin(asked->house->context, asked->pool, asked->key, json);
}

static int handle_pin(const struct asked *asked, struct admin_answer *answer)
{
    char name[SERVER_MOST], words[KEY_MOST];
    struct text pool, key;
    struct asked about = *asked;
    text_init(&pool, name, sizeof(name));
    text_init(&key, words, sizeof(words));
    const char *wrong = read_parameter(asked, &pool_parameter, &pool, &about.pool);
    if (!wrong)
        wrong = read_parameter(asked, &key_parameter, &key, &about.key);
    return wrong ? admin_answer_refuse(answer, 400, wrong) : keep_long_json(&about, answer, write_pin);
}

static int tell_unpinned(struct admin_answer *answer, const char *what, struct span name,
                         const struct unpinned *unpinned)
{
    size_t size = name.length * 6 + 256;
    char *buffer = malloc(size);
    struct text json;
    if (!buffer)
        return -ENOMEM;
    text_init(&json, buffer, size);
    text_add_format(&json, "{\"%s\":", what);
    text_add_json(&json, name);
    text_add_format(&json, ",\"unpinned\":%zu,\"shared\":%s", unpinned->count, unpinned->shared ? "true" : "false");
    if (unpinned->shared)
        text_add(&json, unpinned->unheard ? ",\"memcached\":\"does not answer\"" : ",\"memcached\":\"answers\"");
    text_add(&json, "}");
    int failure = keep(answer, 200, &json);
    free(buffer);
    return failure;
}

static int unpin_server(const struct asked *asked, struct admin_answer *answer, struct span server)
{
    struct unpinned unpinned;
    int failure = asked->house->calls->unpin_server(asked->house->context, server, &unpinned);
    if (failure == -ENOENT)
        return refuse_named(answer, 404, "there is no server ", server);
    if (failure == -ENOTSUP)
        return refuse_named(answer, 409, "nothing is pinned in the pool of ", server);
    return failure ? refuse_pins(asked, answer, failure) : tell_unpinned(answer, "server", server, &unpinned);
}

static int unpin_key(const struct asked *asked, struct admin_answer *answer)
{
    struct unpinned unpinned;
    int failure = asked->house->calls->unpin(asked->house->context, asked->pool, asked->key, &unpinned);
    return failure ? refuse_pins(asked, answer, failure) : tell_unpinned(answer, "key", asked->key, &unpinned);
}

static bool is_given(const struct asked *asked, const struct parameter *parameter)
{
    char byte[2];
    struct text room;
    text_init(&room, byte, sizeof(byte));
    return admin_request_parameter(asked->request, asked->bytes, parameter->name, &room) != -ENOENT;
}

/* Without a pool: in all of them. */
static int handle_unpin(const struct asked *asked, struct admin_answer *answer)
{
    char name[SERVER_MOST], words[KEY_MOST];
    struct text place, key;
    struct asked about = *asked;
    bool has_key = is_given(asked, &key_parameter), has_pool = is_given(asked, &pool_parameter);
    bool has_server = is_given(asked, &server_parameter);
    const char *wrong = NULL;
    text_init(&place, name, sizeof(name));
    text_init(&key, words, sizeof(words));
    if (has_server == has_key || (has_server && has_pool))
        return admin_answer_refuse(answer, 400, "what? Say ?key=KEY, ?pool=NAME&key=KEY or ?server=POOL/NAME");
    if (has_pool || has_server)
        wrong = read_parameter(asked, has_pool ? &pool_parameter : &server_parameter, &place, &about.pool);
    if (!wrong && has_key)
        wrong = read_parameter(asked, &key_parameter, &key, &about.key);
    if (wrong)
        return admin_answer_refuse(answer, 400, wrong);
    return has_server ? unpin_server(asked, answer, about.pool) : unpin_key(&about, answer);
}

static int handle_reload(const struct asked *asked, struct admin_answer *answer)
{
    char buffer[64];
    struct text json;
    int failure = asked->house->calls->reload(asked->house->context);
    switch (failure) {
    case 0:
        text_init(&json, buffer, sizeof(buffer));
        text_add(&json, "{\"reloading\":true}");
        return keep(answer, 202, &json);
    case -EALREADY:
        return admin_answer_refuse(answer, 409, "the workers are being replaced already");
    case -ENOTSUP:
        return admin_answer_refuse(answer, 503, "this limpet has no workers to replace");
    default:
        return admin_answer_refuse(answer, 503, strerror(-failure));
    }
}

static int handle_list(const struct asked *asked, struct admin_answer *answer);

static const struct route routes[] = {
    {"GET", "/", "", "This list.", handle_list, false},
    {"GET", "/v1/status", "", "The whole state: pools, servers, workers.", handle_status, false},
    {"POST", "/v1/drain", "server=POOL/NAME", "Send the server no new clients.", handle_drain, false},
    {"POST", "/v1/undrain", "server=POOL/NAME", "Send the server new clients again.", handle_undrain, false},
    {"GET", "/v1/pins", "pool=POOL", "How many pins lead to each server of the pool.", handle_pins, false},
    {"GET", "/v1/pin", "pool=POOL&key=KEY", "Where a key, or the id of a session, is pinned.", handle_pin, false},
    {"POST", "/v1/unpin", "[pool=POOL&]key=KEY or server=POOL/NAME",
     "Forget where a key, or all of a server, is pinned.", handle_unpin, false},
    {"POST", "/v1/reload", "", "Replace the workers one after the other.", handle_reload, false},
    {"GET", "/metrics", "", "All that is counted, as Prometheus reads it.", handle_metrics, true},
    {"GET", "/healthz", "", "200 while limpet lives, otherwise 503.", handle_health, true},
    {"GET", "/readyz", "", "200 while newcomers are welcome, otherwise 503.", handle_readiness, true},
};

static void add_member(struct text *json, const char *before, const char *value)
{
    text_add(json, before);
    text_add_json(json, span_text(value));
}

static int handle_list(const struct asked *asked, struct admin_answer *answer)
{
    char buffer[SMALL_MOST];
    struct text json;
    text_init(&json, buffer, sizeof(buffer));
    text_add(&json, "{\"routes\":[");
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        add_member(&json, i > 0 ? ",{\"method\":" : "{\"method\":", routes[i].method);
        add_member(&json, ",\"path\":", routes[i].path);
        add_member(&json, ",\"parameters\":", routes[i].parameters);
        add_member(&json, ",\"help\":", routes[i].help);
        text_add(&json, "}");
    }
    text_add(&json, "]}");
    return keep(answer, 200, &json);
}

static bool fits_method(const struct route *route, const struct asked *asked)
{
    return admin_request_has_method(asked->request, asked->bytes, route->method) ||
           (strcmp(route->method, "GET") == 0 && admin_request_has_method(asked->request, asked->bytes, "HEAD"));
}

static int dispatch(const struct asked *asked, struct admin_answer *answer)
{
    struct span path = head_path(&asked->request->head, asked->bytes);
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        const struct route *route = &routes[i];
        bool hidden = asked->house->figures_only && !route->is_figure;
        if (hidden || !span_equal(path, span_text(route->path)))
            continue;
        if (fits_method(route, asked))
            return route->handle(asked, answer);
        int failure = refuse_named(answer, 405, "use ", span_text(route->method));
        answer->allow = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
        return failure;
    }
    return admin_answer_refuse(answer, 404,
                               asked->house->figures_only ? "here are only /metrics, /healthz and /readyz"
                                                          : "there is nothing at this path; / lists what there is");
}

int admin_answer_make(struct admin_answer *answer, const struct admin_house *house, const struct admin_request *request,
                      struct span bytes)
{
    struct asked asked = {.house = house, .request = request, .bytes = bytes};
    int failure = dispatch(&asked, answer);
    answer->only_head = admin_request_has_method(request, bytes, "HEAD");
    return failure;
}

void admin_answer_fini(struct admin_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
    answer->length = 0;
}

/* RFC 9110 section 15. */
static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Bad Request";
    }
}

void admin_answer_head(const struct admin_answer *answer, const char *date, bool last, struct text *head)
{
    text_add_format(head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status, phrase(answer->status), date);
    text_add_format(head, "Content-Type: %s\r\nCache-Control: no-store\r\n", answer->type);
    text_add_format(head, "Content-Length: %zu\r\n", answer->length);
    if (answer->allow)
        text_add_format(head, "Allow: %s\r\n", answer->allow);
    text_add(head, last ? "Connection: close\r\n\r\n" : "\r\n");
}
