#include "control/live.h"

#include "control/powers.h"

#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* States in which a connection has an end that somebody holds. */
#define HELD (1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT)

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static int add(struct live *live, uint32_t inode)
{
    /* Room doubles whenever the count is a power of two. */
    if ((live->count & (live->count - 1)) == 0) {
        size_t room = live->count ? 2 * live->count : 1;
        uint32_t *inodes = realloc(live->inodes, room * sizeof(*inodes));
        if (!inodes)
            return -ENOMEM;
        live->inodes = inodes;
    }
    live->inodes[live->count++] = inode;
    return 0;
}

static int ask(int netlink, unsigned char family)
{
    const struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {.nlmsg_len = sizeof(message),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = HELD},
    };
    return send(netlink, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

static int note(struct live *live, const struct nlmsghdr *header, const uint16_t *ports, size_t count)
{
    const struct inet_diag_msg *socket = NLMSG_DATA(header);
    for (size_t i = 0; i < count; i++)
        if (ntohs(socket->id.idiag_sport) == ports[i] && socket->idiag_inode != 0)
            return add(live, socket->idiag_inode);
    return 0;
}

/* 1 when there is more to come. */
static int read_some(int netlink, struct live *live, const uint16_t *ports, size_t count)
{
    _Alignas(struct nlmsghdr) char buffer[32768];
    ssize_t got = recv(netlink, buffer, sizeof(buffer), 0);
    if (got <= 0)
        return got < 0 ? -errno : -EPROTO;
    unsigned left = (unsigned)got;
    for (const struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type == NLMSG_DONE)
            return 0;
        if (header->nlmsg_type == NLMSG_ERROR)
            return -EPROTO;
        int failure = note(live, header, ports, count);
        if (failure)
            return failure;
    }
    return 1;
}

static int look_at(int netlink, unsigned char family, struct live *live, const uint16_t *ports, size_t count)
{
    int more = ask(netlink, family);
    if (more < 0)
        return more;
    do
        more = read_some(netlink, live, ports, count);
    while (more == 1);
    return more;
}

int live_look(struct live *live, const uint16_t *ports, size_t count)
{
    *live = (struct live){0};
    int netlink = powers_diag_socket();
    if (netlink < 0)
        return netlink;
    int failure = look_at(netlink, AF_INET, live, ports, count);
    if (!failure)
        failure = look_at(netlink, AF_INET6, live, ports, count);
    close(netlink);
    if (live->count > 0)
        qsort(live->inodes, live->count, sizeof(*live->inodes), compare);
    if (failure)
        live_fini(live);
    return failure;
}

void live_fini(struct live *live)
{
    free(live->inodes);
    *live = (struct live){0};
}

static bool is_one_of(const struct live *live, const char *link)
{
    unsigned inode;
    uint32_t key;
    if (sscanf(link, "socket:[%u]", &inode) != 1)
        return false;
    key = inode;
    return bsearch(&key, live->inodes, live->count, sizeof(key), compare) != NULL;
}

int live_count(const struct live *live, pid_t pid)
{
    int count = 0;
    int fd = powers_descriptors_of(pid);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder)
        return -1;
    for (const struct dirent *entry; live->count > 0 && (entry = readdir(folder));) {
        char link[64];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);
        if (length > 0) {
            link[length] = '\0';
            count += is_one_of(live, link);
        }
    }
    closedir(folder);
    return count;
}
