/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The log of client programs and libraries: one per process, shared by everything in it.
 *
 * A message has a facility (a small number with a name, 0 is "misc") and a priority; each facility
 * has a mask that lets a priority and all above it pass, or of debug messages those with certain
 * bits. Programs use the macros of gurt/debug.h. The environment decides what is written where:
 *
 *	D_LOG_FILE		file, appended to; standard error if not set
 *	D_LOG_FILE_APPEND_PID	1: add ".PID" to the name
 *	D_LOG_MASK		"ERR", "DEBUG,mem=ERR": priority of all or of named facilities
 *	DD_MASK			"io,net": bits of debug messages, default all
 *	DD_STDERR		priority from which on messages go to standard error as well
 *
 * Until d_log_init() only messages from DLOG_ERR on are written, to standard error.
 * All functions may be called from any thread. They block for the file at most.
 */
#ifndef GURT_DLOG_H
#define GURT_DLOG_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of debug messages, DB_* in gurt/debug.h. */
typedef uint64_t d_dbug_t;

/** Parts of a message's flags: facility, priority, and within the latter the bits of debug. */
#define DLOG_FACMASK	0x000000ff
#define DLOG_PRIMASK	0x0fffff00
#define DLOG_PRINDMASK	0x0f000000
#define DLOG_PRISHIFT	24
#define DLOG_DPRISHIFT	8
/** Also, or for d_log_open() always, write the message there. */
#define DLOG_STDERR	0x20000000
#define DLOG_STDOUT	0x10000000

/** Priorities: enumerator, short and long name, value. */
#define D_FOREACH_PRIO_MASK(ACTION, arg)				\
	ACTION(DLOG_EMIT,	emit,	emit,	0x08000000, arg)	\
	ACTION(DLOG_EMERG,	emrg,	fatal,	0x07000000, arg)	\
	ACTION(DLOG_ALERT,	alrt,	alert,	0x06000000, arg)	\
	ACTION(DLOG_CRIT,	crit,	crit,	0x05000000, arg)	\
	ACTION(DLOG_ERR,	err,	error,	0x04000000, arg)	\
	ACTION(DLOG_WARN,	warn,	warning, 0x03000000, arg)	\
	ACTION(DLOG_NOTE,	note,	notice,	0x02000000, arg)	\
	ACTION(DLOG_INFO,	info,	info,	0x01000000, arg)	\
	ACTION(DLOG_DBG,	dbug,	debug,	0x00ffff00, arg)

#define D_PRIO_ENUM(name, id, longid, mask, arg)	name = mask,
#define D_NOOP(...)

enum {
	D_FOREACH_PRIO_MASK(D_PRIO_ENUM, D_NOOP)
};

/** What a line begins with, for d_log_open(); the time is always there. */
#define DLOG_FLV_LOGPID	(1 << 0)
#define DLOG_FLV_FQDN	(1 << 1)
#define DLOG_FLV_FAC	(1 << 2)
#define DLOG_FLV_YEAR	(1 << 3)
#define DLOG_FLV_TAG	(1 << 4)
#define DLOG_FLV_STDOUT	(1 << 5)
#define DLOG_FLV_STDERR	(1 << 6)

/** Names of the variables above. */
#define D_LOG_FILE_ENV			"D_LOG_FILE"
#define D_LOG_FILE_APPEND_PID_ENV	"D_LOG_FILE_APPEND_PID"
#define D_LOG_MASK_ENV			"D_LOG_MASK"
#define DD_MASK_ENV			"DD_MASK"
#define DD_STDERR_ENV			"DD_STDERR"

/** Longest line, the rest is cut off. */
#define DLOG_TBSZ	4096

/** Asks which stream and which user-level thread is running, for the beginning of lines. */
typedef void (*d_log_id_cb_t)(uint32_t *xs_id, uint64_t *ult_id);

/** The flags if a message with them would be written, else 0. */
int d_log_check(int flags);

/** Write a message if its @flags are those that d_log_check() returned, not 0. */
void d_log(int flags, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void d_vlog(int flags, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/**
 * Open the log as the environment says. Calls nest: as many d_log_fini() close it.
 * Errors: -DER_NO_PERM, -DER_NONEXIST, ... (file), -DER_NOMEM.
 */
int d_log_init(void);

/** The same with file and priorities from the program; D_LOG_MASK is stronger than @def_mask. */
int d_log_init_adv(char *log_tag, char *log_file, unsigned int flavor, d_dbug_t def_mask,
		   d_dbug_t err_mask, d_log_id_cb_t id_cb);

void d_log_fini(void);

/**
 * Open the log, without counting and without the environment. @maxfac_hint is not needed.
 * Returns 0, or -1 if it is open or the file cannot be opened.
 */
int d_log_open(char *tag, int maxfac_hint, int default_mask, int stderr_mask, char *logfile,
	       int flags, d_log_id_cb_t id_cb);

/** Close it whoever still uses it. */
void d_log_close(void);

/** A new facility, its number or -1. Names are copied; either may be NULL. */
int d_log_allocfacility(const char *aname, const char *lname);

/** Set the mask of a facility to a DLOG_* value. Returns the former mask, or -1. */
int d_log_setlogmask(int facility, int mask);

/** Set masks from a text in the form of D_LOG_MASK; @mlen < 0: up to its end. 0, or -1. */
int d_log_setmasks(const char *mstr, int mlen);

/** Read D_LOG_MASK and DD_MASK again, as after adding a facility. */
void d_log_sync_mask(void);

/** Push the file to the disk. */
void d_log_sync(void);

#ifdef __cplusplus
}
#endif

#endif /* GURT_DLOG_H */
