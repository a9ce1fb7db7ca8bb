#include "cli/ask.h"

#include "cli/admin_path.h"
#include "conf/values.h"
#include "control/admin_answer.h"
#include "control/powers.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The keeper answers at once, or hangs. */
#define PATIENCE_SECONDS 10

#define FIRST_PAUSE (50 * (micros)MILLIS_IN_MICROS)
#define LONGEST_PAUSE (1 * (micros)SECOND_IN_MICROS)

/* The longest answer with a head in front. */
#define ANSWER_MOST (ADMIN_ANSWER_MOST + 65536)

void ask_init(struct ask *ask, const struct options *options)
{
    *ask = (struct ask){.command = options->command->name, .pause = FIRST_PAUSE};
}

bool ask_take(struct ask *ask, enum option option, const char *value)
{
    switch (option) {
    case OPTION_ADMIN:
        ask->admin = value;
        return true;
    case OPTION_WAIT:
        ask->wait = true;
        return true;
    case OPTION_TIMEOUT:
        ask->limited = true;
        /* What is no time is told by ask_ready(), when all words were read. */
        if (values_duration(span_text(value), &ask->most) != VALUE_FINE)
            ask->most = -1;
        return true;
    default:
        return false;
    }
}

/* A path alone is meant as one. */
static const char *parse_place(const char *words, struct address *address)
{
    char place[ADDRESS_TEXT_SIZE + sizeof("unix:")];
    if (words[0] != '/')
        return address_parse(span_text(words), address);
    if (snprintf(place, sizeof(place), "unix:%s", words) >= (int)sizeof(place))
        return "the path is too long for a Unix socket";
    return address_parse(span_text(place), address);
}

int ask_ready(struct ask *ask, const struct options *options)
{
    char buffer[ADMIN_PATH_SIZE];
    const char *words = ask->admin ? ask->admin : admin_default_path(buffer, sizeof(buffer));
    if (ask->limited && ask->most < 0)
        return options_wrong(options, "--timeout: this is no time: write 5s, 2m or 1h");
    if (ask->limited && !ask->wait)
        return options_wrong(options, "--timeout goes with --wait");
    const char *wrong = parse_place(words, &ask->address);
    if (wrong)
        return options_wrong(options, "`%s` is no admin socket: %s", words, wrong);
    if (!address_is_unix(&ask->address))
        return options_wrong(options, "`%s` is no admin socket: write unix:/path", words);
    return EXIT_FINE;
}

static int fail(const struct ask *ask, const char *why, const char *advice)
{
    fprintf(stderr, "limpet %s: %s: %s\n", ask->command, ask->address.text, why);
    if (advice)
        fputs(advice, stderr);
    return EXIT_FAILED;
}

/* Of the socket, or of the directory that does not let us see it. */
static uid_t owner_of(const struct address *address)
{
    char path[ADDRESS_TEXT_SIZE];
    struct stat found;
    snprintf(path, sizeof(path), "%s", address->text + strlen("unix:"));
    while (lstat(path, &found) < 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return 0;
        *slash = '\0';
    }
    return found.st_uid;
}

static int fail_refused(const struct ask *ask)
{
    uid_t owner = owner_of(&ask->address);
    const struct passwd *known = getpwuid(owner);
    char name[64];
    if (known)
        snprintf(name, sizeof(name), "%s", known->pw_name);
    else
        snprintf(name, sizeof(name), "user %u", (unsigned)owner);
    fail(ask, strerror(EACCES), NULL);
    fprintf(stderr,
            "It belongs to %s: ask as %s%s, or let a group in with `admin-group:` in the file of that limpet.\n", name,
            name, owner == 0 ? "" : " or as root");
    return EXIT_FAILED;
}

static int fail_nobody(const struct ask *ask, int error)
{
    fprintf(stderr, "limpet %s: no limpet answers at %s: %s\n", ask->command, ask->address.text, strerror(error));
    fputs("`limpet run` opens such a socket by itself, `limpet serve` with `--admin ADDR` or with `admin:` in its "
          "file.\nIf yours is at another place, name it: `--admin ADDR`, or LIMPET_ADMIN=ADDR in the environment.\n",
          stderr);
    return EXIT_FAILED;
}

static int fail_connect(const struct ask *ask, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return fail_refused(ask);
    case EAGAIN:
        return fail(ask, "it does not answer", NULL);
    default:
        return fail_nobody(ask, error);
    }
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t put = send(fd, bytes, length, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            bytes += put;
            length -= (size_t)put;
        }
    }
    return 0;
}

/* Reads to the end into a buffer that grows, NUL-terminated. The caller frees *text, also after a failure. */
static int read_to_end(int fd, char **text, size_t *length)
{
    size_t capacity = 0;
    for (*length = 0;;) {
        if (capacity - *length < 2) {
            capacity = capacity ? capacity * 2 : 16384;
            char *more = capacity <= 2 * ANSWER_MOST ? realloc(*text, capacity) : NULL;
            if (!more)
                return -ENOMEM;
            *text = more;
        }
        ssize_t got = recv(fd, *text + *length, capacity - *length - 1, 0);
        if (got < 0 && errno != EINTR)
            return -errno;
        *length += got > 0 ? (size_t)got : 0;
        (*text)[*length] = '\0';
        if (got == 0)
            return 0;
    }
}

/* As long as a head may be on the other side. */
#define REQUEST_MOST 16384

static int converse(int fd, const char *method, const char *target, char **text, size_t *length)
{
    char request[REQUEST_MOST];
    int size =
        snprintf(request, sizeof(request),
                 "%s %s HTTP/1.1\r\nHost: limpet\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, target);
    if (size >= (int)sizeof(request))
        return -E2BIG;
    int failure = send_all(fd, request, (size_t)size);
    return failure ? failure : read_to_end(fd, text, length);
}

/* Takes the body out of an answer of HTTP/1; false if it is none, or not all of one. */
static bool unpack(struct ask_answer *answer)
{
    static const char length_field[] = "\r\nContent-Length:";
    char *end = answer->text ? strstr(answer->text, "\r\n\r\n") : NULL;
    if (!end || strncmp(answer->text, "HTTP/1.", 7) != 0)
        return false;
    *end = '\0';
    const char *said = strcasestr(answer->text, length_field);
    const char *status = strchr(answer->text, ' ');
    size_t head = (size_t)(end + 4 - answer->text), body = answer->length - head;
    if (!status || (said && strtoul(said + strlen(length_field), NULL, 10) != body))
        return false;
    answer->status = (int)strtol(status, NULL, 10);
    memmove(answer->text, answer->text + head, body + 1);
    answer->length = body;
    answer->json = json_loadb(answer->text, body, 0, NULL);
    return json_is_object(answer->json);
}

void ask_add_encoded(struct text *target, const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:";
    for (; *value; value++) {
        if (strchr(plain, *value))
            text_add_char(target, *value);
        else
            text_add_format(target, "%%%02X", (unsigned char)*value);
    }
}

int ask_for(const struct ask *ask, const char *method, const char *target, struct ask_answer *answer)
{
    *answer = (struct ask_answer){0};
    int fd = powers_connect(&ask->address, PATIENCE_SECONDS);
    if (fd < 0)
        return fail_connect(ask, -fd);
    int failure = converse(fd, method, target, &answer->text, &answer->length);
    close(fd);
    if (!failure && unpack(answer))
        return EXIT_FINE;
    ask_answer_fini(answer);
    if (failure == -EAGAIN)
        return fail(ask, "it does not answer", NULL);
    return fail(ask, failure ? strerror(-failure) : "the answer is not a limpet's, or not all of it", NULL);
}

void ask_answer_fini(struct ask_answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    *answer = (struct ask_answer){0};
}

int ask_status(const struct ask *ask, struct ask_answer *answer)
{
    int status = ask_for(ask, "GET", "/v1/status", answer);
    if (status != EXIT_FINE)
        return status;
    if (answer->status == 200 && json_is_array(json_object_get(answer->json, "pools")))
        return EXIT_FINE;
    fail(ask, answer->status == 200 ? "the answer is not a limpet's" : ask_complaint(answer), NULL);
    ask_answer_fini(answer);
    return EXIT_FAILED;
}

const char *ask_complaint(const struct ask_answer *answer)
{
    const char *error = json_string_value(json_object_get(answer->json, "error"));
    return error ? error : "it refuses and does not say why";
}

static void sleep_for(micros time)
{
    struct timespec left = {.tv_sec = time / SECOND_IN_MICROS, .tv_nsec = time % SECOND_IN_MICROS * 1000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

bool ask_again(struct ask *ask)
{
    micros now = clock_steady(), pause = ask->pause;
    if (ask->began == 0)
        ask->began = now;
    if (ask->limited) {
        micros left = ask->began + ask->most - now;
        if (left <= 0)
            return false;
        pause = left < pause ? left : pause;
    }
    sleep_for(pause);
    ask->pause = ask->pause * 2 < LONGEST_PAUSE ? ask->pause * 2 : LONGEST_PAUSE;
    return true;
}
