/*
 * Copyright (C) 2026 The nflog-capture authors
 *
 * This program is free software; you can redistribute it and/or modify it
 * under the terms of the GNU General Public License as published by the
 * Free Software Foundation; either version 2 of the License, or (at your
 * option) any later version.  See <http://www.fsf.org/copyleft/gpl.txt>.
 *
 * This program is distributed in the hope that it will be useful, but
 * WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY
 * or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU General Public License
 * for more details.
 */

/*
 * What becomes of CHILD_SAs: they are established, rekeyed, moved, refused, lost and
 * deleted, as charon would, in different orders, and packets of theirs are sent.  It
 * is noted what is to be captured of each.
 */

#ifndef FATES_H_
#define FATES_H_

#include "lines.h"
#include "mock.h"
#include "traffic.h"

#include "options/options.h"

/** capture points of a side in both directions */
#define ESP (1 << POINT_ESP_IN | 1 << POINT_ESP_OUT)
#define PLAIN (1 << POINT_PLAIN_IN | 1 << POINT_PLAIN_OUT)
#define IKE (1 << POINT_IKE_IN | 1 << POINT_IKE_OUT)

/** capture points of a direction, of both sides */
#define IN (1 << POINT_ESP_IN | 1 << POINT_PLAIN_IN)
#define OUT (1 << POINT_ESP_OUT | 1 << POINT_PLAIN_OUT)

/** SPI of an outbound SA, in host order */
#define SPI_OUT 0xd0000000

/**
 * What becomes of a CHILD_SA.
 */
typedef struct {
	mock_child_t *child;
	/** number of its network on the other side */
	u_int net;
	/** packets on the wire and in the clear, that arrive and that leave */
	u_int esp[2], plain[2];
	/** TRUE if there was an SA in that direction */
	bool added[2];
	/** TRUE if the kernel can say how many packets that SA processed */
	bool known[2];
	/** TRUE if the kernel lost its SAs */
	bool gone;
} fate_t;

/**
 * What a test is run with.
 */
typedef struct {
	/** capture points */
	u_int points;
	/** ESP as kernel-libipsec does it */
	bool userland;
	/** mode of the SAs */
	ipsec_mode_t mode;
	/** addresses: ours and the peers', before and after a change */
	char *me, *other, *new_me, *new_other, *third;
	/** order of events */
	bool in_first, destroying_first, late;
	/** plugin, IKE_SAs, and CHILD_SAs */
	plugin_t *plugin;
	mock_ike_t *ike, *ike2, *ike3;
	/** number of IKE messages that left */
	u_int ike_left;
	fate_t fates[16];
	u_int count;
} run_t;

/**
 * Create a CHILD_SA and what is expected of it.
 */
static fate_t *create_fate(run_t *run, mock_ike_t *ike, u_int net)
{
	fate_t *fate = &run->fates[run->count++];
	char remote[32];

	snprintf(remote, sizeof(remote), "10.1.%u.0/24", net);
	fate->net = net;
	fate->child = mock_child_create(ike, run->mode, TUN_ADDRESS "/32", remote);
	mock_child_begin(fate->child, SPI_OUT + run->count);
	return fate;
}

/**
 * Add an SA to the kernel.
 */
static void install(fate_t *fate, bool inbound)
{
	mock_sa_t *sa = inbound ? &fate->child->in : &fate->child->out;

	assert_int_equal(mock_child_install(fate->child, inbound) == SUCCESS,
					 !sa->refused);
	fate->added[!inbound] = TRUE;
	/* none, if it is refused */
	fate->known[!inbound] = TRUE;
}

/**
 * Bring up a CHILD_SA.
 */
static fate_t *bring_up(run_t *run, mock_ike_t *ike, u_int net)
{
	fate_t *fate = create_fate(run, ike, net);

	install(fate, TRUE);
	install(fate, FALSE);
	mock_child_keyed(fate->child);
	return fate;
}

/**
 * Wait until all rules are in place, which takes longer on a busy machine than the
 * plugin waits for that.
 */
static void wait_for_rules()
{
	bool missing;

	do
	{
		pthread_mutex_lock(&log_mutex);
		missing = log_missing > 0;
		if (missing)
		{
			pthread_cond_wait(&log_cond, &log_mutex);
		}
		pthread_mutex_unlock(&log_mutex);
	}
	while (missing);
}

/**
 * Send packets of a CHILD_SA that has its rules, as the kernel or charon would.
 */
static void send_now(run_t *run, fate_t *fate)
{
	mock_child_t *child = fate->child;
	u_int left;

	traffic_esp(child->in.dst, child->in.spi, run->userland);
	fate->esp[0]++;
	child->in.packets++;
	left = traffic_esp(child->out.dst, child->out.spi, run->userland);
	left += traffic_esp(child->out.dst, child->out.spi, run->userland);
	fate->esp[1] += left;
	child->out.packets += left;
	if (run->userland)
	{
		traffic_plain_in(fate->net);
		fate->plain[0]++;
		traffic_plain_out(fate->net);
		traffic_plain_out(fate->net);
		fate->plain[1] += 2;
	}
}

/**
 * Send packets of a CHILD_SA once all rules are in place.
 */
static void send_packets(run_t *run, fate_t *fate)
{
	wait_for_rules();
	send_now(run, fate);
}

/**
 * End a CHILD_SA.
 */
static void bring_down(run_t *run, fate_t *fate)
{
	if (run->destroying_first)
	{
		mock_child_destroying(fate->child);
	}
	if (fate->added[!run->in_first])
	{
		mock_child_delete(fate->child, run->in_first);
	}
	if (fate->added[run->in_first])
	{
		mock_child_delete(fate->child, !run->in_first);
	}
	if (!run->destroying_first)
	{
		mock_child_destroying(fate->child);
	}
}

/**
 * Addresses and reqid change, or not.
 */
static void change(run_t *run, fate_t *fate)
{
	mock_update_status = NOT_SUPPORTED;
	assert_false(mock_child_update(fate->child, run->new_me, run->new_other, 0));
	mock_update_status = SUCCESS;
	send_packets(run, fate);
	assert_true(mock_child_update(fate->child, run->me, run->other,
								  fate->child->reqid + 1000));
	send_packets(run, fate);
	assert_true(mock_child_update(fate->child, run->new_me, run->new_other, 0));
	send_packets(run, fate);
	assert_true(mock_child_update(fate->child, run->me, run->other,
								  fate->child->reqid + 1000));
	send_packets(run, fate);
}

/**
 * A CHILD_SA gets replaced, its outbound SA may be installed later.
 *
 * @return				the new one
 */
static fate_t *rekey(run_t *run, fate_t *old)
{
	fate_t *new, *same;

	if (!run->late)
	{
		new = bring_up(run, old->child->ike, old->net);
		mock_child_delete(old->child, FALSE);
	}
	else
	{
		new = create_fate(run, old->child->ike, old->net);
		install(new, TRUE);
		mock_child_keyed(new->child);
		/* another peer chooses the same SPI in the meantime */
		same = create_fate(run, run->ike2, 20);
		same->child->out.spi = new->child->out.spi;
		install(same, TRUE);
		install(same, FALSE);
		mock_child_keyed(same->child);
		send_packets(run, same);
		mock_child_delete(old->child, FALSE);
		charon->bus->set_sa(charon->bus, &new->child->ike->public);
		install(new, FALSE);
		charon->bus->set_sa(charon->bus, NULL);
		bring_down(run, same);
	}
	mock_child_destroying(old->child);
	mock_child_delete(old->child, TRUE);
	return new;
}

/**
 * A CHILD_SA loses a collision, its outbound SA is never installed.
 */
static void collide(run_t *run, u_int net)
{
	fate_t *fate = create_fate(run, run->ike, net);

	install(fate, TRUE);
	mock_child_keyed(fate->child);
	bring_down(run, fate);
}

/**
 * The kernel refuses an SA of a CHILD_SA, charon adds and deletes both.
 */
static void refuse(run_t *run, bool inbound, u_int net)
{
	fate_t *fate = create_fate(run, run->ike, net);

	(inbound ? &fate->child->in : &fate->child->out)->refused = TRUE;
	install(fate, TRUE);
	install(fate, FALSE);
	bring_down(run, fate);
}

/**
 * A peer behind the same NAT chooses the SPI of another CHILD_SA, the kernel
 * refuses that.
 */
static void choose_same(run_t *run, fate_t *first, u_int net)
{
	fate_t *fate = create_fate(run, run->ike3, net);

	fate->child->out.spi = first->child->out.spi;
	install(fate, TRUE);
	assert_int_equal(mock_child_install(fate->child, FALSE), FAILED);
	mock_child_delete(fate->child, TRUE);
	mock_child_destroying(fate->child);
}

/**
 * A peer with the SPI of another CHILD_SA moves to the address of its peer.  Only if
 * there are marks the kernel allows that, the packets remain those of the other one.
 */
static void move_to(run_t *run, fate_t *other, u_int net)
{
	fate_t *fate = create_fate(run, run->ike2, net);

	fate->child->out.spi = other->child->out.spi;
	fate->child->out.mark = (mark_t){ .value = net, .mask = 0xffffffff };
	install(fate, TRUE);
	install(fate, FALSE);
	mock_child_keyed(fate->child);
	send_packets(run, fate);
	assert_true(mock_child_update(fate->child, run->me, run->other, 0));
	/* those of the one that moved are missing then */
	send_now(run, other);
	bring_down(run, fate);
	send_packets(run, other);
}

/**
 * The kernel loses the SAs of a CHILD_SA, maybe as it fails to change their addresses,
 * charon finds none to delete.
 */
static void lose(run_t *run, u_int net)
{
	fate_t *fate = bring_up(run, run->ike, net);

	send_packets(run, fate);
	if (run->late)
	{
		mock_update_status = FAILED;
		assert_false(mock_child_update(fate->child, run->new_me, run->new_other,
									   0));
		mock_update_status = SUCCESS;
	}
	fate->child->in.added = fate->child->out.added = FALSE;
	fate->known[0] = fate->known[1] = FALSE;
	fate->gone = TRUE;
	bring_down(run, fate);
}

/**
 * Is a CHILD_SA captured at one of these capture points, of any direction?
 */
static bool is_captured(run_t *run, fate_t *fate, u_int points)
{
	return run->points & points &&
		   ((fate->added[0] && run->points & IN) ||
			(fate->added[1] && run->points & OUT));
}

/**
 * Number of traces of CHILD_SAs.
 */
static u_int count_traces(run_t *run)
{
	u_int i, count = 0;

	for (i = 0; i < run->count; i++)
	{
		count += is_captured(run, &run->fates[i], ESP) +
				 is_captured(run, &run->fates[i], PLAIN);
	}
	return count;
}

#endif /* FATES_H_ */
