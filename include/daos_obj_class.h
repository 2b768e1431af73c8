/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Object classes: how an object is spread over targets and protected.
 *
 * A class is a redundancy method (no protection, n replicas, k data + p parity cells: the OR_*
 * ordinals) and a number of redundancy groups, packed as (method << 24) | groups. The number
 * 0xffff ("X") means as many groups as the pool allows. Names are those of the enumerators without
 * "OC_": "S1", "SX", "RP_2G1", "EC_4P2GX".
 */
#ifndef DAOS_OBJ_CLASS_H
#define DAOS_OBJ_CLASS_H

#include <inttypes.h>
#include <sys/types.h>

#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the longest class name, terminator included. */
#define MAX_OBJ_CLASS_NAME_LEN	24

/** Number of groups that means "as many as possible". */
#define MAX_NUM_GROUPS		0xffff
#define OC_REDUN_SHIFT		24
#define OBJ_CLASS_DEF(redun, grp_nr)	(((redun) << OC_REDUN_SHIFT) | (grp_nr))

/** The classes of one method with 1, 2, 4, ... X groups; @name ends where the number begins. */
#define OBJ_CLASS_FAMILY(name, redun)				\
	name##1		= OBJ_CLASS_DEF(redun, 1),		\
	name##2		= OBJ_CLASS_DEF(redun, 2),		\
	name##4		= OBJ_CLASS_DEF(redun, 4),		\
	name##6		= OBJ_CLASS_DEF(redun, 6),		\
	name##8		= OBJ_CLASS_DEF(redun, 8),		\
	name##12	= OBJ_CLASS_DEF(redun, 12),		\
	name##16	= OBJ_CLASS_DEF(redun, 16),		\
	name##32	= OBJ_CLASS_DEF(redun, 32),		\
	name##X		= OBJ_CLASS_DEF(redun, MAX_NUM_GROUPS)

/** Redundancy methods, one byte of an object's identifier, and the classes made of them. */
enum daos_obj_redun {
	/** let the library choose from the container's properties */
	OC_UNKNOWN	= 0,

	/** one copy */
	OR_RP_1		= 1,

	/** replicas */
	OR_RP_2		= 8,
	OR_RP_3		= 9,
	OR_RP_4		= 10,
	OR_RP_5		= 11,
	OR_RP_6		= 12,
	OR_RP_8		= 13,
	OR_RP_12	= 14,
	OR_RP_16	= 15,
	OR_RP_24	= 16,
	OR_RP_32	= 17,
	OR_RP_48	= 18,
	OR_RP_64	= 19,
	OR_RP_128	= 20,

	/** Reed-Solomon codes, data cells P parity cells; numbers in order of invention */
	OR_RS_2P1	= 32,
	OR_RS_2P2	= 33,
	OR_RS_4P1	= 34,
	OR_RS_4P2	= 35,
	OR_RS_8P1	= 36,
	OR_RS_8P2	= 37,
	OR_RS_16P1	= 38,
	OR_RS_16P2	= 39,
	OR_RS_4P3	= 40,
	OR_RS_8P3	= 41,
	OR_RS_16P3	= 42,

	/**
	 * Wishes rather than layouts: the library turns them into a class when an identifier is
	 * generated. Ids below 50 are not classes.
	 */
	OC_BACK_COMPAT	= 50,
	OC_TINY		= 51,
	OC_SMALL	= 52,
	OC_LARGE	= 53,
	OC_MAX		= 54,
	OC_RP_TINY	= 60,
	OC_RP_SMALL	= 61,
	OC_RP_LARGE	= 62,
	OC_RP_MAX	= 63,
	/** replicas for many readers */
	OC_RP_SF_TINY	= 70,
	OC_RP_SF_SMALL	= 71,
	OC_RP_SF_LARGE	= 72,
	OC_RP_SF_MAX	= 73,
	/** as many replicas as reasonable, for very many readers */
	OC_RP_XSF	= 80,
	OC_EC_TINY	= 100,
	OC_EC_SMALL	= 101,
	OC_EC_LARGE	= 102,
	OC_EC_MAX	= 103,

	/** striped, not protected: OC_S1, OC_S2, ... OC_SX */
	OBJ_CLASS_FAMILY(OC_S, OR_RP_1),

	/** replicated: OC_RP_2G1, ... OC_RP_6GX */
	OBJ_CLASS_FAMILY(OC_RP_2G, OR_RP_2),
	OBJ_CLASS_FAMILY(OC_RP_3G, OR_RP_3),
	OBJ_CLASS_FAMILY(OC_RP_4G, OR_RP_4),
	OBJ_CLASS_FAMILY(OC_RP_5G, OR_RP_5),
	OBJ_CLASS_FAMILY(OC_RP_6G, OR_RP_6),

	/** one group of many replicas: what OC_RP_XSF may become */
	OC_RP_12G1	= OBJ_CLASS_DEF(OR_RP_12, 1),
	OC_RP_16G1	= OBJ_CLASS_DEF(OR_RP_16, 1),
	OC_RP_24G1	= OBJ_CLASS_DEF(OR_RP_24, 1),
	OC_RP_32G1	= OBJ_CLASS_DEF(OR_RP_32, 1),
	OC_RP_48G1	= OBJ_CLASS_DEF(OR_RP_48, 1),
	OC_RP_64G1	= OBJ_CLASS_DEF(OR_RP_64, 1),
	OC_RP_128G1	= OBJ_CLASS_DEF(OR_RP_128, 1),

	/** erasure coded: OC_EC_2P1G1, ... OC_EC_16P3GX */
	OBJ_CLASS_FAMILY(OC_EC_2P1G, OR_RS_2P1),
	OBJ_CLASS_FAMILY(OC_EC_2P2G, OR_RS_2P2),
	OBJ_CLASS_FAMILY(OC_EC_4P1G, OR_RS_4P1),
	OBJ_CLASS_FAMILY(OC_EC_4P2G, OR_RS_4P2),
	OBJ_CLASS_FAMILY(OC_EC_4P3G, OR_RS_4P3),
	OBJ_CLASS_FAMILY(OC_EC_8P1G, OR_RS_8P1),
	OBJ_CLASS_FAMILY(OC_EC_8P2G, OR_RS_8P2),
	OBJ_CLASS_FAMILY(OC_EC_8P3G, OR_RS_8P3),
	OBJ_CLASS_FAMILY(OC_EC_16P1G, OR_RS_16P1),
	OBJ_CLASS_FAMILY(OC_EC_16P2G, OR_RS_16P2),
	OBJ_CLASS_FAMILY(OC_EC_16P3G, OR_RS_16P3),

	/** ids from here on are not given out */
	OC_RESERVED	= 1 << 30,
};

/** An object class, see the OC_* enumerators. */
typedef uint32_t daos_oclass_id_t;
/** DAOS_OCH_* bits of daos_obj.h. */
typedef uint16_t daos_oclass_hints_t;

/** Shape of the placement. */
enum daos_obj_schema {
	DAOS_OS_SINGLE,
	DAOS_OS_STRIPED,
	DAOS_OS_DYN_STRIPED,
	DAOS_OS_DYN_CHUNKED,
};

/** Which member of daos_oclass_attr.u is valid. */
enum daos_obj_resil {
	DAOS_RES_EC,
	DAOS_RES_REPL,
};

/** What a class stands for. */
struct daos_oclass_attr {
	enum daos_obj_schema	ca_schema;
	enum daos_obj_resil	ca_resil;
	/** failures that a group survives */
	unsigned int		ca_resil_degree;
	/** redundancy groups, MAX_NUM_GROUPS for "X" */
	unsigned int		ca_grp_nr;
	union {
		struct daos_rp_attr {
			unsigned int	r_proto;
			/** replicas */
			unsigned int	r_num;
		} rp;
		struct daos_ec_attr {
			/** data cells */
			unsigned short	e_k;
			/** parity cells */
			unsigned short	e_p;
			/** bytes of a cell */
			unsigned int	e_len;
		} ec;
	} u;
};

/** Classes found by daos_obj_list_class(): room for @cl_nr, @cl_nr_out filled in. */
struct daos_oclass_list {
	uint32_t		 cl_nr;
	uint32_t		 cl_nr_out;
	daos_oclass_id_t	*cl_cids;
	/** may be NULL */
	struct daos_oclass_attr	*cl_cattrs;
};

/**
 * Id of the class called @name ("EC_4P2G1"), OC_UNKNOWN (0) if there is none.
 * Blocks: no.
 */
int daos_oclass_name2id(const char *name);

/**
 * Write the name of @oc_id to @name, MAX_OBJ_CLASS_NAME_LEN bytes of the caller's. Any number of
 * groups is named, also one that has no enumerator.
 * Returns 0, or -1 for an id that is no class.  Blocks: no.
 */
int daos_oclass_id2name(daos_oclass_id_t oc_id, char *name);

/**
 * Write the names of all classes, separated by ", ", to @size bytes at @str.
 * Returns the bytes needed, which may exceed @size.
 * Errors: -DER_INVAL.  Blocks: no.
 */
ssize_t daos_oclass_names_list(size_t size, char *str);

/** Number of registered classes. @opts is 0.  Blocks: no. */
int daos_oclass_nr(int opts);

/**
 * Give the container @coh a class of its own.
 * Errors: -DER_NO_HDL, -DER_NOSYS.  Blocks: yes, unless @ev.
 */
int daos_obj_register_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr,
			    daos_event_t *ev);

/**
 * Attributes of class @cid in the container @coh.
 * Errors: -DER_NO_HDL, -DER_NONEXIST, -DER_NOSYS.  Blocks: yes, unless @ev.
 */
int daos_obj_query_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr,
			 daos_event_t *ev);

/**
 * Enumerate the classes of the container @coh, continuing at @anchor.
 * Errors: -DER_NO_HDL, -DER_NOSYS.  Blocks: yes, unless @ev.
 */
int daos_obj_list_class(daos_handle_t coh, struct daos_oclass_list *list, daos_anchor_t *anchor,
			daos_event_t *ev);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_OBJ_CLASS_H */
