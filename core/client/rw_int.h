/**
 * rw, inside: one update or fetch under way; shared by rw.c and rw_split.c.
 */
#ifndef GEMEL_CLIENT_RW_INT_H
#define GEMEL_CLIENT_RW_INT_H

#include "core/client/client_int.h"

struct cl_rw {
	struct rpc_call call;
	struct cl_obj *obj;
	const daos_key_t *dkey;
	daos_iod_t *iods;
	d_sg_list_t *sgls;
	daos_iom_t *ioms;
	uint64_t flags;
	uint64_t epoch;
	uint32_t nr;
	bool update;
	bool zero_holes;
	bool missed;		/* some record asked for is not there */
	bool part;		/* one piece of a fetch that was cut up */
	bool pooled;		/* bounce is of rt_iomem */
	void *bounce;
	uint64_t bounce_bytes;
	struct bseg bounce_seg;
	struct buf user;	/* the application's memory: all values, all rooms */
	struct buf wire;	/* what is sent inline or exposed: user, or the bounce buffer */
	struct wire_iod *wiods;
	union {
		struct wire_obj_update_rep up;
		struct wire_obj_fetch_rep fe;
	} rep;
};

/** The records found of iod @i: the request's own list when all are there. */
void rw_present(const struct cl_rw *rw, uint32_t i, const struct recx **ret_v, uint32_t *ret_nr);

/** Tell the caller how far his buffers were filled: @bytes from the begin. */
void rw_sgl_filled(d_sg_list_t *sgl, uint64_t bytes);

/**
 * A fetch that found more pieces than one reply can list: fetch it in parts. Sizes are in the reply
 * that said so. Blocks: yes.
 */
int rw_split(struct cl_stream *s, struct cl_rw *rw);

#endif
