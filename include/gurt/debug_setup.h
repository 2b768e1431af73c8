/* SPDX-License-Identifier: Apache-2.0 */
/** Names of the bits that debug messages carry, see DD_MASK in gurt/dlog.h. */
#ifndef GURT_DEBUG_SETUP_H
#define GURT_DEBUG_SETUP_H

#include <gurt/dlog.h>

/** Name, bit: all 16 bits of DLOG_DBG. */
#define D_FOREACH_DB_BIT(ACTION)	\
	ACTION(any,	0x000100)	\
	ACTION(mem,	0x000200)	\
	ACTION(net,	0x000400)	\
	ACTION(io,	0x000800)	\
	ACTION(test,	0x001000)	\
	ACTION(trace,	0x002000)	\
	ACTION(md,	0x004000)	\
	ACTION(pl,	0x008000)	\
	ACTION(mgmt,	0x010000)	\
	ACTION(epc,	0x020000)	\
	ACTION(df,	0x040000)	\
	ACTION(rebuild,	0x080000)	\
	ACTION(sec,	0x100000)	\
	ACTION(csum,	0x200000)	\
	ACTION(group,	0x400000)	\
	ACTION(s3,	0x800000)

#define DB_ANY		0x000100
#define DB_MEM		0x000200
#define DB_NET		0x000400
#define DB_IO		0x000800
#define DB_TEST		0x001000
#define DB_TRACE	0x002000
#define DB_MD		0x004000
#define DB_PL		0x008000
#define DB_MGMT		0x010000
#define DB_EPC		0x020000
#define DB_DF		0x040000
#define DB_REBUILD	0x080000
#define DB_SEC		0x100000
#define DB_CSUM		0x200000
#define DB_GROUP	0x400000
#define DB_S3		0x800000
#define DB_ALL		DLOG_DBG

#endif /* GURT_DEBUG_SETUP_H */
