#include "worker/node_line.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* False if it was cut. */
static bool copy(char *to, size_t size, const char *from)
{
    struct text text;
    text_init(&text, to, size);
    text_add(&text, from);
    return !text.cut;
}

static void read_type(const json_t *object, struct node_line *line)
{
    const json_t *type = json_object_get(object, "addressType");
    struct text text;
    text_init(&text, line->type, sizeof(line->type));
    if (json_is_integer(type))
        text_add_format(&text, "%lld", (long long)json_integer_value(type));
    else
        text_add(&text, text_of(object, "addressType"));
}

static void read_data(const json_t *object, struct node_line *line)
{
    const json_t *data = json_object_get(object, "data");
    char *text = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!text || !copy(line->data, sizeof(line->data), text))
        copy(line->data, sizeof(line->data), "null");
    free(text);
}

static void read_listen(const json_t *object, struct node_line *line)
{
    line->address_is_long = !copy(line->address, sizeof(line->address), text_of(object, "address"));
    line->port = number_of(object, "port", -1);
    line->index = number_of(object, "index", 0);
    line->descriptor = number_of(object, "fd", -1);
    read_type(object, line);
    read_data(object, line);
}

static void read_act(const json_t *object, struct node_line *line)
{
    static const struct {
        const char *act;
        enum node_word word;
    } acts[] = {
        {"online", NODE_ONLINE},
        {"queryServer", NODE_LISTEN},
        {"listening", NODE_LISTENING},
        {"close", NODE_CLOSE},
        {"exitedAfterDisconnect", NODE_LEAVING},
    };
    const char *act = text_of(object, "act");
    for (size_t i = 0; i < ARRAY_LENGTH(acts); i++)
        if (strcmp(act, acts[i].act) == 0)
            line->word = acts[i].word;
    if (line->word == NODE_LISTEN || line->word == NODE_LISTENING)
        read_listen(object, line);
    copy(line->key, sizeof(line->key), text_of(object, "key"));
}

static void read_cluster(const json_t *object, struct node_line *line)
{
    line->seq = (uint64_t)number_of(object, "seq", 0);
    if (!json_is_integer(json_object_get(object, "ack"))) {
        read_act(object, line);
        return;
    }
    line->ack = (uint64_t)number_of(object, "ack", 0);
    const json_t *accepted = json_object_get(object, "accepted");
    if (json_is_boolean(accepted)) {
        line->word = NODE_ACCEPTED;
        line->accepted = json_is_true(accepted);
    }
}

/* The program's own messages; these two are understood, as others before us have made them. An id that is empty, or longer than
 * any, or has a zero byte, is none. */
static void read_message(const json_t *object, struct node_line *line)
{
    const char *type = text_of(object, "type"), *id = text_of(object, "data");
    size_t length = json_string_length(json_object_get(object, "data"));
    bool begins = strcmp(type, "sticky:connection") == 0;
    if (!begins && strcmp(type, "sticky:disconnection") != 0)
        return;
    if (length == 0 || length > NODE_SESSION_MOST || strlen(id) != length)
        return;
    copy(line->data, sizeof(line->data), id);
    line->word = begins ? NODE_SESSION : NODE_SESSION_ENDED;
}

static void read_object(const json_t *object, struct node_line *line)
{
    const char *command = text_of(object, "cmd");
    if (strcmp(command, "NODE_CLUSTER") == 0)
        read_cluster(object, line);
    else if (strcmp(command, "NODE_HANDLE_ACK") == 0)
        line->word = NODE_ARRIVED;
    else if (strcmp(command, "NODE_HANDLE_NACK") == 0)
        line->word = NODE_NOT_ARRIVED;
    else if (strcmp(command, "NODE_HANDLE") == 0)
        line->word = NODE_SENDS_HANDLE;
    else if (command[0] == '\0')
        read_message(object, line);
}

/* Half of what a worker says in its life is this line. */
static const char arrived[] = "{\"cmd\":\"NODE_HANDLE_ACK\"}";

void node_line_read(struct span bytes, struct node_line *line)
{
    memset(line, 0, offsetof(struct node_line, data));
    line->data[0] = '\0';
    line->descriptor = -1;
    if (span_equal(bytes, span_text(arrived))) {
        line->word = NODE_ARRIVED;
        return;
    }
    json_error_t error;
    json_t *value = json_loadb((const char *)bytes.data, bytes.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!value)
        line->word = NODE_BAD;
    else if (json_is_object(value))
        read_object(value, line);
    json_decref(value);
}

unsigned node_line_door(const struct node_line *line)
{
    char *end;
    if (line->key[0] != 'd' || line->key[1] < '0' || line->key[1] > '9')
        return UINT_MAX;
    unsigned long door = strtoul(line->key + 1, &end, 10);
    return *end == '\0' && door < UINT_MAX ? (unsigned)door : UINT_MAX;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

#define CLUSTER "{\"cmd\":\"NODE_CLUSTER\","

static void add_number(struct text *text, const char *name, uint64_t number)
{
    text_add(text, name);
    text_add_unsigned(text, number);
}

#define PORTS 65535

/* Who sent these requests, each of them tells; who brings them is limpet, on this machine, whom programs trust to tell. Some
 * tell connections apart by their port: so each has one of its own, though none was ever opened. */
static void add_limpet(struct text *text, uint64_t seq)
{
    add_number(text, ",\"limpet\":{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":", 1 + seq % PORTS);
    text_add(text, ",\"here\":true}");
}

static void add_client(struct text *text, const struct delivery *delivery)
{
    char words[ENDPOINT_TEXT_SIZE];
    struct endpoint address = delivery->client;
    if (address.kind != ENDPOINT_IP)
        return;
    address.port = 0;
    endpoint_text(&address, words);
    text_add_format(text, ",\"limpet\":{\"address\":\"%s\",\"family\":\"%s\",\"port\":%u%s}", words,
                    endpoint_is_ip4(&address) ? "IPv4" : "IPv6", delivery->client.port,
                    delivery->tls ? ",\"tls\":true" : "");
}

/* Only the script of node-preload reads it; Node itself ignores what it does not know. */
static void add_peer(struct text *text, uint64_t seq, const struct delivery *told)
{
    if (told && told->requests)
        add_limpet(text, seq);
    else if (told)
        add_client(text, told);
}

void node_line_connection(struct text *text, const char *key, uint64_t seq, const struct delivery *told)
{
    text_add(text,
             "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":" CLUSTER "\"act\":\"newconn\",\"key\":\"");
    text_add(text, key);
    add_number(text, "\",\"seq\":", seq);
    text_add_char(text, '}');
    add_peer(text, seq, told);
    text_add(text, "}\n");
}

void node_line_socket(struct text *text, const char *message, uint64_t seq, const struct delivery *told)
{
    text_add(text, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":");
    text_add(text, message);
    text_add(text, ",\"key\":\"limpet:1\"");
    add_peer(text, seq, told);
    text_add(text, "}\n");
}

void node_line_leave(struct text *text, uint64_t seq)
{
    add_number(text, CLUSTER "\"act\":\"disconnect\",\"seq\":", seq);
    text_add(text, "}\n");
}

void node_line_ack(struct text *text, uint64_t ack, uint64_t seq)
{
    add_number(text, CLUSTER "\"ack\":", ack);
    add_number(text, ",\"seq\":", seq);
    text_add(text, "}\n");
}

void node_line_handle_ack(struct text *text)
{
    text_add(text, arrived);
    text_add_char(text, '\n');
}

void node_line_listen_answer(struct text *text, const struct node_listen_answer *answer, uint64_t seq)
{
    add_number(text, CLUSTER "\"ack\":", answer->ack);
    if (answer->error)
        text_add_format(text, ",\"errno\":%d", answer->error);
    else
        text_add_format(text, ",\"errno\":null,\"key\":\"%s\"", answer->key);
    text_add(text, ",\"data\":");
    text_add(text, answer->data);
    if (!answer->error && answer->sockname[0] != '\0') {
        text_add(text, ",\"sockname\":");
        text_add(text, answer->sockname);
    }
    add_number(text, ",\"seq\":", seq);
    text_add(text, "}\n");
}
