#include "control/admin.h"

#include "base/log.h"
#include "control/admin_http.h"
#include "io/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long no newcomer is taken when there is no descriptor or no memory for one. */
#define PAUSE (50 * (micros)MILLIS_IN_MICROS)

/* A client whose request was cut short may go on sending for so long, and read its answer, before the socket goes. */
#define FAREWELL (1 * (micros)SECOND_IN_MICROS)

/* So many steps of one client, then the others have their turn: enough for a request and its answer. */
#define STEPS_IN_A_TURN 8

enum state {
    STATE_READING,   /* the head of a request */
    STATE_SKIPPING,  /* its body */
    STATE_ANSWERING, /* and reading nothing meanwhile */
    STATE_LEAVING,   /* all is said; what still comes is dropped, so that a failing write does not hide the answer */
};

enum outcome {
    OUTCOME_ON,   /* a step is done, another may follow */
    OUTCOME_WAIT, /* for the client */
    OUTCOME_GONE, /* the client is, or has to go */
};

struct admin_client {
    struct admin *admin;
    struct loop_grave grave; /* its link is in admin.clients until the end */
    struct stream stream;
    struct timer patience;
    enum state state;
    struct admin_request request;
    uint32_t body_left;
    struct admin_answer answer;
    char answer_head[ADMIN_ANSWER_HEAD_SIZE];
    size_t answer_head_length;
    size_t sent; /* of the answer, head and body */
    size_t held; /* bytes of this request, and perhaps of those behind it */
    uint8_t bytes[ADMIN_HEAD_MOST];
};

static void open_door(struct admin *admin);

static void reopen(struct timer *timer)
{
    open_door(container_of(timer, struct admin, reopen));
}

/* Until somebody leaves, or for a while. */
static void shut_door(struct admin *admin)
{
    if (admin->open)
        loop_forget(admin->loop, &admin->door);
    admin->open = false;
}

static void pause_door(struct admin *admin, const char *why)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (log_limit_pass(&limit, 10, &skipped))
        log_warning("the %s takes nobody for a moment: %s",
                    admin->house.figures_only ? "address of the metrics" : "admin socket", why);
    /* Without memory for the timer it stays open: level-triggered, it is tried again at once. */
    if (timer_set(&admin->loop->timers, &admin->reopen, admin->loop->now + PAUSE) == 0)
        shut_door(admin);
}

static bool is_full(const struct admin *admin)
{
    return admin->client_count == ADMIN_CLIENTS_MOST;
}

static void open_door(struct admin *admin)
{
    if (admin->open || admin->door.fd < 0 || (is_full(admin) && !admin->house.figures_only))
        return;
    int failure = loop_add(admin->loop, &admin->door, LOOP_ACCEPT);
    admin->open = failure == 0;
    if (failure)
        pause_door(admin, strerror(-failure));
}

static void free_client(struct loop_grave *grave)
{
    free(container_of(grave, struct admin_client, grave));
}

static void end_client(struct admin_client *client)
{
    struct admin *admin = client->admin;
    /* A worker that is just being started has this open file, too, until it has executed its program: closing alone
     * would not end the registration. */
    loop_forget(admin->loop, &client->stream.source);
    stream_close(&client->stream, false);
    timer_clear(&admin->loop->timers, &client->patience);
    admin_answer_fini(&client->answer);
    list_remove(&client->grave.link);
    loop_bury(admin->loop, &client->grave, free_client);
    admin->client_count--;
    open_door(admin);
}

/* The client has so long from now. */
static enum outcome give(struct admin_client *client, micros time)
{
    struct loop *loop = client->admin->loop;
    return timer_set(&loop->timers, &client->patience, loop->now + time) == 0 ? OUTCOME_ON : OUTCOME_GONE;
}

/* The answer is made, unless `failure` says that there was no memory for it. */
static enum outcome begin_answer(struct admin_client *client, int failure)
{
    if (failure)
        return OUTCOME_GONE;
    struct text head;
    text_init(&head, client->answer_head, sizeof(client->answer_head));
    const char *date = clock_date(&client->admin->date, clock_wall());
    admin_answer_head(&client->answer, date, client->request.last, &head);
    client->answer_head_length = head.length;
    client->sent = 0;
    client->state = STATE_ANSWERING;
    return give(client, ADMIN_PATIENCE);
}

static enum outcome refuse(struct admin_client *client, int status, const char *why)
{
    client->request.last = client->request.unread = true;
    return begin_answer(client, admin_answer_refuse(&client->answer, status, why));
}

/* What a call that moved bytes answered, once -EAGAIN and the end are sorted out. */
static enum outcome moved(ssize_t count)
{
    if (count == -EAGAIN)
        return OUTCOME_WAIT;
    return count > 0 ? OUTCOME_ON : OUTCOME_GONE;
}

/* There is room: a head that fills the buffer is complete or refused. */
static enum outcome read_more(struct admin_client *client)
{
    ssize_t got = stream_read(&client->stream, client->bytes + client->held, sizeof(client->bytes) - client->held);
    if (got > 0)
        client->held += (size_t)got;
    return moved(got);
}

/* Of the body, as much as came with the head goes out of the buffer. */
static void cut_out_body(struct admin_client *client)
{
    size_t head = client->request.head.length;
    size_t behind = client->held - head;
    size_t body = behind < client->request.body ? behind : client->request.body;
    memmove(client->bytes + head, client->bytes + head + body, behind - body);
    client->held -= body;
    client->body_left = client->request.body - (uint32_t)body;
}

static enum outcome step_reading(struct admin_client *client)
{
    struct parse_result result = admin_request_read(&client->request, span_of(client->bytes, client->held));
    switch (result.verdict) {
    case PARSE_MORE:
        return read_more(client);
    case PARSE_DONE:
        cut_out_body(client);
        client->state = STATE_SKIPPING;
        return OUTCOME_ON;
    case PARSE_NONE:
    case PARSE_BAD:
        break;
    }
    return refuse(client, client->request.refusal, result.why);
}

static enum outcome step_skipping(struct admin_client *client)
{
    uint8_t dropped[4096];
    if (client->body_left == 0) {
        struct span bytes = span_of(client->bytes, client->held);
        const struct admin_house *house = &client->admin->house;
        return begin_answer(client, admin_answer_make(&client->answer, house, &client->request, bytes));
    }
    size_t most = client->body_left < sizeof(dropped) ? client->body_left : sizeof(dropped);
    ssize_t got = stream_read(&client->stream, dropped, most);
    if (got > 0)
        client->body_left -= (uint32_t)got;
    return moved(got);
}

/* Ready for the request behind the one that was answered. */
static enum outcome next_request(struct admin_client *client)
{
    size_t head = client->request.head.length;
    client->held -= head;
    memmove(client->bytes, client->bytes + head, client->held);
    client->request = (struct admin_request){0};
    client->state = STATE_READING;
    return give(client, ADMIN_PATIENCE);
}

static enum outcome answered(struct admin_client *client)
{
    admin_answer_fini(&client->answer);
    if (!client->request.last)
        return next_request(client);
    if (!client->request.unread)
        return OUTCOME_GONE;
    stream_shutdown(&client->stream);
    client->state = STATE_LEAVING;
    return give(client, FAREWELL);
}

static enum outcome step_answering(struct admin_client *client)
{
    size_t head = client->answer_head_length;
    size_t body = client->answer.only_head ? 0 : client->answer.length;
    if (client->sent == head + body)
        return answered(client);
    bool in_head = client->sent < head;
    const char *from = in_head ? client->answer_head + client->sent : client->answer.body + (client->sent - head);
    ssize_t put = stream_write(&client->stream, from, in_head ? head - client->sent : head + body - client->sent);
    if (put <= 0)
        return moved(put);
    client->sent += (size_t)put;
    return give(client, ADMIN_PATIENCE);
}

static enum outcome step_leaving(struct admin_client *client)
{
    uint8_t dropped[4096];
    return moved(stream_read(&client->stream, dropped, sizeof(dropped)));
}

static enum outcome step(struct admin_client *client)
{
    switch (client->state) {
    case STATE_READING:
        return step_reading(client);
    case STATE_SKIPPING:
        return step_skipping(client);
    case STATE_ANSWERING:
        return step_answering(client);
    case STATE_LEAVING:
        break;
    }
    return step_leaving(client);
}

static void work(struct admin_client *client)
{
    for (int i = 0; i < STEPS_IN_A_TURN; i++) {
        switch (step(client)) {
        case OUTCOME_ON:
            break;
        case OUTCOME_WAIT:
            return;
        case OUTCOME_GONE:
            end_client(client);
            return;
        }
    }
    loop_again(client->admin->loop, &client->stream.source);
}

static void client_ready(struct loop_source *source, uint32_t events)
{
    struct admin_client *client = container_of(source, struct admin_client, stream.source);
    stream_notice(&client->stream, events);
    work(client);
}

static void lose_patience(struct timer *timer)
{
    struct admin_client *client = container_of(timer, struct admin_client, patience);
    bool began = (client->state == STATE_READING && client->held > 0) || client->state == STATE_SKIPPING;
    if (began && refuse(client, 408, "the request was not complete after 5 seconds") == OUTCOME_ON)
        work(client);
    else
        end_client(client);
}

/* The socket is ours, also when there is no memory for its client. */
static int take_client(struct admin *admin, int fd)
{
    struct admin_client *client = malloc(sizeof(*client));
    if (!client) {
        close(fd);
        return -ENOMEM;
    }
    /* The buffer is left as it is: it is read only as far as it was filled. */
    client->admin = admin;
    client->state = STATE_READING;
    client->request = (struct admin_request){0};
    client->answer = (struct admin_answer){0};
    client->held = 0;
    stream_init(&client->stream, fd, admin->is_unix, client_ready);
    timer_init(&client->patience, lose_patience);
    list_append(&admin->clients, &client->grave.link);
    admin->client_count++;
    int failure = loop_add(admin->loop, &client->stream.source, LOOP_BOTH);
    if (!failure && give(client, ADMIN_PATIENCE) == OUTCOME_GONE)
        failure = -ENOMEM;
    if (failure)
        end_client(client);
    return failure;
}

/* Where anybody may come, the oldest goes: who keeps asking must not keep out whoever asks if we are well. */
static void make_room(struct admin *admin)
{
    if (admin->house.figures_only && is_full(admin))
        end_client(container_of(admin->clients.next, struct admin_client, grave.link));
}

/* One newcomer in a turn; whoever is left wakes us again. */
static void somebody_knocks(struct loop_source *source, uint32_t events)
{
    struct admin *admin = container_of(source, struct admin, door);
    int fd = accept4(admin->door.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    int failure = fd < 0 ? -errno : 0;
    if (!failure) {
        make_room(admin);
        failure = take_client(admin, fd);
    }
    if (failure)
        pause_door(admin, strerror(-failure));
    else if (is_full(admin) && !admin->house.figures_only)
        shut_door(admin);
}

static bool is_unix(int fd)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 && own.ss_family == AF_UNIX;
}

int admin_init(struct admin *admin, struct loop *loop, int listening_fd, const struct admin_house *house)
{
    *admin = (struct admin){.loop = loop, .house = *house, .is_unix = is_unix(listening_fd)};
    list_init(&admin->clients);
    timer_init(&admin->reopen, reopen);
    loop_source_init(&admin->door, listening_fd, somebody_knocks);
    int failure = loop_add(loop, &admin->door, LOOP_ACCEPT);
    if (failure)
        admin->door.fd = -1;
    admin->open = failure == 0;
    return failure;
}

void admin_fini(struct admin *admin)
{
    if (admin->door.fd < 0)
        return;
    shut_door(admin);
    loop_ignore(&admin->door);
    close(admin->door.fd);
    admin->door.fd = -1;
    timer_clear(&admin->loop->timers, &admin->reopen);
    while (!list_is_empty(&admin->clients))
        end_client(container_of(admin->clients.next, struct admin_client, grave.link));
}
