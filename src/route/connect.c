#include "route/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static enum connect_verdict verdict_of(int error)
{
    switch (error) {
    case 0:
        return CONNECT_DONE;
    case EINPROGRESS:
    case EALREADY:
        return CONNECT_WAITING;
    case EAGAIN: /* Unix sockets only: TCP would try again by itself */
        return CONNECT_FULL;
    case EADDRNOTAVAIL:
        return CONNECT_NO_PORT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return CONNECT_LOCAL;
    default:
        return CONNECT_FAILED;
    }
}

enum connect_verdict connect_start(const struct address *address, int *fd, int *error)
{
    *error = 0;
    *fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        *error = errno;
        return verdict_of(errno);
    }
    if (!address_is_unix(address)) {
        int on = 1;
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    do
        *error = connect(*fd, (const struct sockaddr *)&address->storage, address->length) < 0 ? errno : 0;
    while (*error == EINTR);
    enum connect_verdict verdict = verdict_of(*error);
    if (verdict != CONNECT_DONE && verdict != CONNECT_WAITING) {
        close(*fd);
        *fd = -1;
    }
    return verdict;
}

static struct endpoint end_of(int fd, bool far)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    struct sockaddr *any = (struct sockaddr *)&name;
    socklen_t length = sizeof(name);
    if ((far ? getpeername(fd, any, &length) : getsockname(fd, any, &length)) < 0)
        return (struct endpoint){.kind = ENDPOINT_NONE};
    return endpoint_from_sockaddr(any);
}

bool connect_met_itself(int fd, const struct address *address)
{
    if (address_is_unix(address))
        return false;
    struct endpoint here = end_of(fd, false);
    if (here.kind != ENDPOINT_IP || here.port != address_port(address))
        return false;
    struct endpoint there = end_of(fd, true);
    return endpoint_equal(&here, &there);
}

const char *connect_error_text(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "refused";
    case ETIMEDOUT:
        return "timeout";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "unreachable";
    case ECONNRESET:
        return "reset";
    case ENOENT:
        return "no_socket_file";
    case EACCES:
    case EPERM:
        return "not_permitted";
    case EAGAIN:
        return "backlog_full";
    case EADDRNOTAVAIL:
        return "no_port_or_address";
    case EAFNOSUPPORT:
        return "no_such_family";
    case EMFILE:
    case ENFILE:
        return "no_descriptor_left";
    case ENOMEM:
    case ENOBUFS:
        return "no_memory";
    default:
        return "failed";
    }
}
