#include "route/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_local(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL: /* no ephemeral port is left */
        return true;
    default:
        return false;
    }
}

static enum connect_verdict verdict_of(int error)
{
    if (error == 0)
        return CONNECT_DONE;
    if (error == EINPROGRESS || error == EALREADY)
        return CONNECT_WAITING;
    return is_local(error) ? CONNECT_LOCAL : CONNECT_FAILED;
}

enum connect_verdict connect_start(const struct address *address, int *fd, int *error)
{
    *error = 0;
    *fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        *error = errno;
        return CONNECT_LOCAL;
    }
    if (!address_is_unix(address)) {
        int on = 1;
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    /* A Unix socket whose backlog is full answers EAGAIN at once instead of waiting: that server has no room now. */
    do
        *error = connect(*fd, (const struct sockaddr *)&address->storage, address->length) < 0 ? errno : 0;
    while (*error == EINTR);
    enum connect_verdict verdict = verdict_of(*error);
    if (verdict == CONNECT_FAILED || verdict == CONNECT_LOCAL) {
        close(*fd);
        *fd = -1;
    }
    return verdict;
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
        return "no_port_left";
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
