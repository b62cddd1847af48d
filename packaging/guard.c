// The guard of segue: holds the descriptors of the NFQUEUEs, and when the daemon dies lets go, in order, what is held in
// them. Without it the kernel drops held packets together with the last descriptor of their queue. And it keeps the gate
// shut and takes the addresses away where the daemon cannot (guard_gate.h).
//
//   guard PID WORD_FD FD QUEUE [FD QUEUE ...]
//
// Build: gcc -O2 -static -Wall -Wextra -o guard guard.c
// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "guard_gate.h"

// The kernel goes on holding until its set of held addresses times out, 2 s after the daemon's last word. Where nothing
// was held, the queues are soon left to the next daemon; a rule whose queue has no listener lets packets pass.
enum { LINGER_MS = 3000, QUIET_MS = 250, QUEUES_MAX = 64 };

// What a queue had to tell.
enum { PACKET = 1, EMPTY = 2, GONE = 4 };

struct queue {
	int fd;
	int number;
};

// Reads everything that a queue has to tell.
static int drain(const struct queue *queue)
{
	static char buffer[1 << 17];
	int told = 0;
	for (;;) {
		ssize_t length = recv(queue->fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (length < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (length < (ssize_t)sizeof(struct nlmsghdr))
			return length < 0 && errno == EAGAIN ? told : told | GONE;
		// An empty queue answers a verdict with an error; to answer that with a verdict would never end.
		told |= ((struct nlmsghdr *)buffer)->nlmsg_type == NLMSG_ERROR ? EMPTY : PACKET;
	}
}

// Accepts everything in a queue, told of or not: a batch verdict means "all ids up to this".
static void release(const struct queue *queue)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
		struct nlattr attribute;
		struct nfqnl_msg_verdict_hdr verdict;
	} message = {
		.header = { .nlmsg_len = sizeof message,
			    .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH,
			    .nlmsg_flags = NLM_F_REQUEST },
		.family = { .version = NFNETLINK_V0, .res_id = htons(queue->number) },
		.attribute = { .nla_len = sizeof message.attribute + sizeof message.verdict, .nla_type = NFQA_VERDICT_HDR },
		.verdict = { .verdict = htonl(NF_ACCEPT), .id = htonl(0x7ffffff0) },
	};
	send(queue->fd, &message, sizeof message, 0);
}

static long now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Returns when the daemon is dead. Until then, whoever takes its gate away while it is stopped has done so in vain.
static void await_death(struct gate *gate)
{
	struct pollfd fds[] = { { .fd = syscall(SYS_pidfd_open, gate->daemon, 0), .events = POLLIN },
				{ .fd = gate->news, .events = POLLIN } };
	if (fds[0].fd < 0 || getppid() != gate->daemon)
		return;
	for (int wait = keep_gate(gate, 0); (fds[0].revents & POLLIN) == 0;) {
		int ready = poll(fds, 2, wait);
		if (ready < 0)
			fds[0].revents = 0;
		else
			wait = keep_gate(gate, ready == 0);
	}
	close(fds[0].fd);
}

// Accepts what is held, and what comes until the hold has ended.
static void let_go(const struct queue *queues, int number, struct gate *gate)
{
	struct pollfd readable[QUEUES_MAX + 1];
	int open = number, held = 0;
	for (int i = 0; i < number; i++) {
		readable[i] = (struct pollfd){ .fd = queues[i].fd, .events = POLLIN };
		int told = drain(&queues[i]);
		release(&queues[i]);
		// The daemon may have read of packets that still wait; then the queue was not empty either.
		int answer = drain(&queues[i]);
		if ((told | answer) & PACKET || !(answer & EMPTY))
			held = 1;
		if (answer & PACKET)
			release(&queues[i]);
	}
	readable[number] = (struct pollfd){ .fd = gate->news, .events = POLLIN };
	long start = now_ms();
	while (open > 0) {
		long left = start + (held ? LINGER_MS : QUIET_MS) - now_ms();
		if (left <= 0)
			break;
		if (poll(readable, number + 1, left) <= 0)
			continue;
		keep_gate(gate, 1);
		for (int i = 0; i < number; i++) {
			int told = readable[i].fd < 0 ? 0 : drain(&queues[i]);
			if (told & GONE) {
				readable[i].fd = -1;
				open--;
			}
			if (told & PACKET) {
				release(&queues[i]);
				held = 1;
			}
		}
	}
}

int main(int count, char **arguments)
{
	struct queue queues[QUEUES_MAX];
	struct gate gate;
	int number = (count - 3) / 2;
	if (count < 5 || count % 2 != 1 || number > QUEUES_MAX)
		return 2;
	for (int i = 0; i < number; i++)
		queues[i] = (struct queue){ atoi(arguments[3 + 2 * i]), atoi(arguments[4 + 2 * i]) };
	// What ends the daemon's process group or terminal must not end this.
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	open_gate(&gate, atoi(arguments[1]), atoi(arguments[2]));
	await_death(&gate);
	let_go(queues, number, &gate);
	// Before the queues are free: the next daemon waits for them, and puts the addresses where they belong then.
	remove_addresses(&gate);
	return 0;
}
