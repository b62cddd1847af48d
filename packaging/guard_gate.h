// The guard's second task: that a daemon which is dead or stopped leaves no kernel behind that answers for its addresses,
// whatever becomes of its rules.
//
// The daemon leaves word in a file in memory (kernel_ffi/guard.ts): which addresses are on which interface, and the
// transaction of nf_tables that puts the gate in, in place of whatever is there, with no lease in it.
// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A living daemon puts its gate back within a millisecond: it is left alone for so long.
enum { GRACE_MS = 5 };
enum { WORD_BYTES_MAX = 1 << 20 };

static const char TABLE[] = "segue";

// What stands in the file, behind it the addresses and then the transaction; little-endian, as the machine is.
struct word {
	uint32_t addresses;
	uint32_t gate_bytes;
};

struct word_address {
	uint32_t interface;
	uint8_t family;
	uint8_t prefix_length;
	uint8_t bytes[16];
	uint8_t padding[2];
};

struct gate {
	pid_t daemon;
	int word; // descriptor of the file
	int news; // what happens to nf_tables
	int orders;
	uint32_t port; // of `orders`: what is told of it was done here
	int missing; // the table is gone
	int touched; // somebody took something out of it
};

static int open_netlink(int protocol, uint32_t groups, uint32_t *port)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t length = sizeof address;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		close(fd);
		return -1;
	}
	if (port != NULL)
		*port = address.nl_pid;
	return fd;
}

// Without the sockets the guard is what it would be without this task.
static void open_gate(struct gate *gate, pid_t daemon, int word)
{
	// What happened before it listens nobody will tell it.
	*gate = (struct gate){ .daemon = daemon, .word = word, .touched = 1 };
	gate->news = open_netlink(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1), NULL);
	gate->orders = open_netlink(NETLINK_NETFILTER, 0, &gate->port);
}

// Whether a message speaks of the table of lease and gate.
static int is_own(const struct nlmsghdr *message)
{
	const struct nfgenmsg *family = NLMSG_DATA(message);
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof *family) || family->nfgen_family != NFPROTO_NETDEV)
		return 0;
	// The name of the table is attribute 1 of tables, chains, rules and sets alike.
	const char *at = (const char *)family + NLMSG_ALIGN(sizeof *family);
	const char *end = (const char *)message + message->nlmsg_len;
	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *attribute = (const struct nlattr *)at;
		if (attribute->nla_len < sizeof *attribute || attribute->nla_len > end - at)
			return 0;
		if ((attribute->nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME)
			return attribute->nla_len == sizeof *attribute + sizeof TABLE && memcmp(attribute + 1, TABLE, sizeof TABLE) == 0;
		at += NLA_ALIGN(attribute->nla_len);
	}
	return 0;
}

static void hear_message(struct gate *gate, const struct nlmsghdr *message)
{
	if (message->nlmsg_pid == gate->port || message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !is_own(message))
		return;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		gate->missing = 0;
		break;
	case NFT_MSG_DELTABLE:
		gate->missing = 1;
		// fall through
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
		gate->touched = 1;
		break;
	}
}

static void hear_news(struct gate *gate)
{
	static char buffer[1 << 16];
	for (;;) {
		ssize_t length = recv(gate->news, buffer, sizeof buffer, MSG_DONTWAIT);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == ENOBUFS) {
			// Too much for the socket: it may have been about the gate.
			gate->missing = gate->touched = 1;
			continue;
		}
		if (length <= 0)
			return;
		for (struct nlmsghdr *it = (struct nlmsghdr *)buffer; NLMSG_OK(it, length); it = NLMSG_NEXT(it, length))
			hear_message(gate, it);
	}
}

// Dead, or stopped by a signal or a debugger: it cannot put its gate back. A process that only waits can.
static int is_helpless(pid_t daemon)
{
	char path[32], text[512];
	snprintf(path, sizeof path, "/proc/%d/stat", daemon);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	if (length <= 0)
		return 1;
	text[length] = 0;
	// The name stands in parentheses and may have any of its own.
	const char *state = strrchr(text, ')');
	return state == NULL || state[1] == 0 || strchr("TtZX", state[2]) != NULL;
}

// Reads the daemon's word. Returns NULL if there is none, or no whole one.
static const struct word *read_word(const struct gate *gate)
{
	static char buffer[WORD_BYTES_MAX] __attribute__((aligned(8)));
	const struct word *word = (const struct word *)buffer;
	ssize_t length = pread(gate->word, buffer, sizeof buffer, 0);
	if (length < (ssize_t)sizeof *word || word->addresses > 4096 ||
	    (size_t)length < sizeof *word + word->addresses * sizeof(struct word_address) + word->gate_bytes)
		return NULL;
	return word;
}

// The gate is in the kernel again, shut. Whoever thaws finds itself without a lease.
static void shut_gate(struct gate *gate)
{
	char answer[4096];
	const struct word *word = read_word(gate);
	gate->missing = gate->touched = 0;
	if (word == NULL || word->gate_bytes == 0)
		return;
	const char *rules = (const char *)(word + 1) + word->addresses * sizeof(struct word_address);
	send(gate->orders, rules, word->gate_bytes, 0);
	while (recv(gate->orders, answer, sizeof answer, MSG_DONTWAIT) > 0)
		;
}

// To be called after each wait. Returns for how long to wait until the next call, -1: until there is news.
static int keep_gate(struct gate *gate, int grace_is_over)
{
	hear_news(gate);
	if (!gate->touched)
		return -1;
	if (is_helpless(gate->daemon) || (gate->missing && grace_is_over))
		shut_gate(gate);
	else if (gate->missing)
		return GRACE_MS;
	gate->touched = gate->missing = 0;
	return -1;
}

// What an orderly stop does with the addresses: off the service interfaces first, then off lo.
static void remove_addresses(const struct gate *gate)
{
	const struct word *word = read_word(gate);
	int fd = open_netlink(NETLINK_ROUTE, 0, NULL);
	if (word == NULL || fd < 0)
		return;
	const struct word_address *addresses = (const struct word_address *)(word + 1);
	for (uint32_t i = 0; i < word->addresses; i++) {
		const struct word_address *it = &addresses[i];
		size_t bytes = it->family == AF_INET ? 4 : 16;
		struct {
			struct nlmsghdr header;
			struct ifaddrmsg address;
			struct nlattr attribute;
			uint8_t bytes[16];
		} message = {
			.header = { .nlmsg_len = sizeof message - 16 + bytes,
				    .nlmsg_type = RTM_DELADDR,
				    .nlmsg_flags = NLM_F_REQUEST },
			.address = { .ifa_family = it->family, .ifa_prefixlen = it->prefix_length, .ifa_index = it->interface },
			.attribute = { .nla_len = sizeof message.attribute + bytes, .nla_type = IFA_LOCAL },
		};
		memcpy(message.bytes, it->bytes, bytes);
		send(fd, &message, message.header.nlmsg_len, 0);
	}
	close(fd);
}
