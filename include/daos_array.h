/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One-dimensional arrays of fixed-size cells, stored in chunks: each chunk is a dkey, so that
 * chunks spread over targets. Indices and lengths count cells, not bytes.
 *
 * @th is a transaction or DAOS_TX_NONE, @ev as in daos_event.h. Besides what each function says:
 * -DER_NO_HDL, -DER_INVAL, -DER_NOMEM, -DER_UNREACH, -DER_TIMEDOUT, -DER_RF.
 */
#ifndef DAOS_ARRAY_H
#define DAOS_ARRAY_H

#include <daos_types.h>
#include <daos_obj.h>
#include <daos_obj_class.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @rg_len cells from index @rg_idx on. */
typedef struct {
	daos_off_t	rg_idx;
	daos_size_t	rg_len;
} daos_range_t;

/** What to read or write, and how much was there. */
typedef struct {
	/** number of ranges */
	daos_size_t	 arr_nr;
	daos_range_t	*arr_rgs;
	/** read: cells asked for beyond the end of the array */
	daos_size_t	 arr_nr_short_read;
	/** read: cells before the end of the array, holes included */
	daos_size_t	 arr_nr_read;
} daos_array_iod_t;

/** Size in cells, and epoch of the last change. */
typedef struct {
	daos_size_t	st_size;
	daos_epoch_t	st_max_epoch;
} daos_array_stbuf_t;

/**
 * Fill in an identifier for an array, as daos_obj_generate_oid() does. @add_attr: whether cell and
 * chunk size are kept in the array (DAOS_OT_ARRAY) or given at each open (DAOS_OT_ARRAY_ATTR).
 */
int daos_array_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, bool add_attr,
			    daos_oclass_id_t cid, daos_oclass_hints_t hints, uint32_t args);

/**
 * Create an array with attributes and open it for writing.
 * @cell_size: bytes of a cell. @chunk_size: cells of a chunk.
 * Errors: -DER_EXIST, -DER_NO_PERM.  Blocks: yes, unless @ev.
 */
int daos_array_create(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, daos_size_t cell_size,
		      daos_size_t chunk_size, daos_handle_t *oh, daos_event_t *ev);

/** Open an array that keeps its attributes.  Errors: -DER_NONEXIST, -DER_NO_PERM. */
int daos_array_open(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode,
		    daos_size_t *cell_size, daos_size_t *chunk_size, daos_handle_t *oh,
		    daos_event_t *ev);

/** Open an array whose attributes the caller knows.  Errors: -DER_NO_PERM.  Blocks: no. */
int daos_array_open_with_attr(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th,
			      unsigned int mode, daos_size_t cell_size, daos_size_t chunk_size,
			      daos_handle_t *oh, daos_event_t *ev);

/**
 * Make a handle usable in another process. With glob->iov_buf NULL only iov_buf_len is set.
 * Errors: -DER_TRUNC (iov_buf_len has the size needed).  Blocks: no.
 */
int daos_array_local2global(daos_handle_t oh, d_iov_t *glob);

/** Open the array of a global handle in this process. @mode 0: as in the other one. */
int daos_array_global2local(daos_handle_t coh, d_iov_t glob, unsigned int mode, daos_handle_t *oh);

int daos_array_close(daos_handle_t oh, daos_event_t *ev);

/** Remove the array and its attributes; the handle stays to be closed. */
int daos_array_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev);

/**
 * Read ranges one after the other into @sgl. Holes leave the caller's bytes as they are.
 * Errors: -DER_REC2BIG (@sgl too short), -DER_CSUM, -DER_DATA_LOSS.  Blocks: yes, unless @ev.
 */
int daos_array_read(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl,
		    daos_event_t *ev);

/**
 * Write ranges one after the other from @sgl.
 * Errors: -DER_REC2BIG (@sgl too short), -DER_NO_PERM, -DER_NOSPACE.  Blocks: yes, unless @ev.
 */
int daos_array_write(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl,
		     daos_event_t *ev);

/** One past the highest cell ever written, or the size set last. */
int daos_array_get_size(daos_handle_t oh, daos_handle_t th, daos_size_t *size, daos_event_t *ev);

/** Size and last change. */
int daos_array_stat(daos_handle_t oh, daos_handle_t th, daos_array_stbuf_t *stbuf,
		    daos_event_t *ev);

/** Shorten or lengthen the array. */
int daos_array_set_size(daos_handle_t oh, daos_handle_t th, daos_size_t size, daos_event_t *ev);

/** Turn ranges into holes; the size stays. */
int daos_array_punch(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, daos_event_t *ev);

/** Attributes of an open array.  Blocks: no. */
int daos_array_get_attr(daos_handle_t oh, daos_size_t *chunk_size, daos_size_t *cell_size);

/** Change the chunk size that an open handle assumes; only right for an empty array. */
int daos_array_update_chunk_size(daos_handle_t oh, daos_size_t chunk_size);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_ARRAY_H */
