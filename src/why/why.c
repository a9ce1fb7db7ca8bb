#include "cli/load.h"
#include "why/bytes.h"
#include "why/explain.h"
#include "why/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct options options;
    struct load load;
    struct why_bytes bytes;
    struct ask ask; /* with --live */
    const char *peer;
    const char *listener;
    bool json;
    bool live;
};

static void take(struct request *request, enum option option, const char *value)
{
    struct why_bytes *bytes = &request->bytes;
    switch (option) {
    case OPTION_PEER:
        request->peer = value;
        break;
    case OPTION_LISTENER:
        request->listener = value;
        break;
    case OPTION_JSON:
        request->json = true;
        break;
    case OPTION_LIVE:
        request->live = true;
        break;
    case OPTION_BYTES:
        bytes->file = value;
        break;
    case OPTION_SNI:
        bytes->sni = value;
        break;
    case OPTION_METHOD:
        bytes->method = value;
        break;
    case OPTION_PATH:
        bytes->path = value;
        break;
    case OPTION_HOST:
        bytes->host = value;
        break;
    case OPTION_HEADER:
        bytes->headers[bytes->header_count++] = value;
        break;
    default:
        if (!ask_take(&request->ask, option, value))
            load_take(&request->load, option, value);
    }
}

static int read_peer(const struct request *request, struct endpoint *peer)
{
    if (strcmp(request->peer, "unix") == 0) {
        *peer = (struct endpoint){.kind = ENDPOINT_UNIX};
        return EXIT_FINE;
    }
    if (endpoint_parse(span_text(request->peer), peer))
        return EXIT_FINE;
    return options_wrong(&request->options,
                         "--peer %s is no address; write 203.0.113.9, 203.0.113.9:4711, "
                         "[2001:db8::1]:4711 or unix",
                         request->peer);
}

/* *number counts from 0. */
static int read_listener(const struct request *request, const struct plan *plan, size_t *number)
{
    char *end;
    *number = 0;
    if (!request->listener)
        return EXIT_FINE;
    errno = 0;
    unsigned long value = strtoul(request->listener, &end, 10);
    bool digits = request->listener[0] >= '0' && request->listener[0] <= '9' && *end == '\0' && errno == 0;
    if (!digits || value < 1 || value > plan->listener_count)
        return options_wrong(&request->options, "--listener %s: the configuration has %zu, counted from 1",
                             request->listener, plan->listener_count);
    *number = value - 1;
    return EXIT_FINE;
}

/* Where nothing but requests is served, a client that nothing is said about makes one. */
static int make_bytes(struct request *request, enum mode mode)
{
    struct why_bytes *bytes = &request->bytes;
    if (mode == MODE_HTTP && !bytes->file && !bytes->sni && !bytes->method)
        bytes->method = "GET";
    const char *wrong = why_bytes_check(&request->bytes);
    if (wrong)
        return options_wrong(&request->options, "%s", wrong);
    int error = why_bytes_make(&request->bytes);
    if (error) {
        fprintf(stderr, "limpet why: %s: %s\n", request->bytes.file, strerror(-error));
        return EXIT_FAILED;
    }
    if (request->bytes.too_long)
        fprintf(stderr, "limpet why: only the first %d bytes are looked at\n", WHY_BYTES_MAX);
    return EXIT_FINE;
}

static int explain(struct request *request, const struct plan *plan)
{
    struct endpoint peer;
    size_t listener;
    int status = read_peer(request, &peer);
    if (status == EXIT_FINE)
        status = read_listener(request, plan, &listener);
    if (status == EXIT_FINE)
        status = make_bytes(request, plan->listeners[listener].mode);
    if (status != EXIT_FINE)
        return status;

    struct explanation explanation;
    struct span bytes = span_of(request->bytes.data, request->bytes.length);
    if (!explain_init(&explanation, plan, listener, &peer, bytes)) {
        fputs("limpet why: out of memory\n", stderr);
        status = EXIT_FAILED;
    } else {
        status = request->live ? live_ask(&explanation, &request->ask) : EXIT_FINE;
        if (status == EXIT_FINE)
            (request->json ? explain_print_json : explain_print_text)(&explanation, stdout);
    }
    explain_fini(&explanation);
    return status;
}

/* The file says where its limpet is asked. */
static int find_limpet(struct request *request, const struct plan *plan)
{
    if (!request->live && !request->ask.admin)
        return EXIT_FINE;
    if (!request->live)
        return options_wrong(&request->options, "--admin goes with --live");
    if (!request->ask.admin && plan->admin)
        request->ask.admin = plan->admin->text;
    return ask_ready(&request->ask, &request->options);
}

static int run(struct request *request, int argc, char **argv)
{
    enum option option;
    options_init(&request->options, "why", argc, argv);
    load_init(&request->load, argc);
    ask_init(&request->ask, &request->options);
    request->peer = "127.0.0.1";
    /* Warnings are for who writes a configuration, and `check` has shown them. */
    request->load.quiet = true;
    while ((option = options_next(&request->options)) != OPTION_END && option != OPTION_STOP)
        take(request, option, request->options.value);
    struct plan *plan = NULL;
    int status =
        option == OPTION_STOP ? (int)request->options.status : load_plan(&request->load, &request->options, &plan);
    if (plan)
        status = find_limpet(request, plan);
    if (plan && status == EXIT_FINE)
        status = explain(request, plan);
    plan_free(plan);
    load_fini(&request->load);
    return status;
}

int command_why(int argc, char **argv)
{
    struct request *request = calloc(1, sizeof(*request));
    const char **headers = calloc((size_t)argc + 1, sizeof(*headers));
    int status = EXIT_FAILED;
    if (request && headers) {
        request->bytes.headers = headers;
        status = run(request, argc, argv);
    } else {
        fputs("limpet why: out of memory\n", stderr);
    }
    free(headers);
    free(request);
    return status;
}
