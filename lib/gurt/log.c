/*
 * The log. One mutex guards its state and its file; whether a message passes is decided without it,
 * by one atomic load of the facility's mask.
 */
#include <fcntl.h>
#include <strings.h>
#include <sys/syscall.h>

#include "lib/gurt/gurt_int.h"

#define LOG_FAC_MAX	64
#define LOG_TAG_DEFAULT	"gemel"
#define LOG_NAME_MAX	31

struct log_fac {
	char	aname[LOG_NAME_MAX + 1];
	char	lname[LOG_NAME_MAX + 1];
};

/* A mask is the least priority that passes, or the bits of debug messages that do. */
static ATOMIC int log_mask[LOG_FAC_MAX];
/* Before the log is open: errors go to standard error. */
static ATOMIC int log_mask_closed = DLOG_ERR;
static ATOMIC bool log_is_open;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct log_fac	 fac[LOG_FAC_MAX];
	int		 fac_count;
	int		 fd;
	int		 flavor;
	int		 default_mask;
	/* priority from which on lines go to standard error too, 0 for none */
	int		 stderr_pri;
	int		 debug_bits;
	int		 open_count;
	char		 tag[LOG_NAME_MAX + 1];
	char		 host[65];
	d_log_id_cb_t	 id_cb;
} log_state = {
	.fac = { { .aname = "misc", .lname = "miscellaneous" } },
	.fac_count = 1,
	.fd = -1,
	.default_mask = DLOG_ERR,
	.debug_bits = DLOG_DBG,
};

struct name_value {
	const char	*name;
	const char	*lname;
	int		 value;
};

#define LOG_PRI_ENTRY(pri, id, longid, value, arg)	{ #id, #longid, pri },
static const struct name_value log_pri[] = { D_FOREACH_PRIO_MASK(LOG_PRI_ENTRY, 0) };

#define LOG_BIT_ENTRY(id, value)	{ #id, #id, value },
static const struct name_value log_bit[] = { D_FOREACH_DB_BIT(LOG_BIT_ENTRY) };

/* Look up a name of @len characters, case ignored. Returns the value or -1. */
static int name_lookup(const struct name_value *table, size_t nr, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if ((strlen(table[i].name) == len && strncasecmp(table[i].name, name, len) == 0) ||
		    (strlen(table[i].lname) == len && strncasecmp(table[i].lname, name, len) == 0))
			return table[i].value;
	}
	return -1;
}

static int pri_lookup(const char *name, size_t len)
{
	return name_lookup(log_pri, ARRAY_SIZE(log_pri), name, len);
}

/* Four letters that name a priority in a line. */
static const char *pri_name(int flags)
{
	static const char *const name[] = {
		"DBUG", "INFO", "NOTE", "WARN", "ERR ", "CRIT", "ALRT", "EMRG", "EMIT",
	};
	unsigned int pri = (unsigned int)(flags & DLOG_PRINDMASK) >> DLOG_PRISHIFT;

	return pri < ARRAY_SIZE(name) ? name[pri] : "?";
}

int d_log_check(int flags)
{
	int fac = flags & DLOG_FACMASK;
	int pri = flags & DLOG_PRIMASK;
	int mask;

	if (fac >= LOG_FAC_MAX)
		fac = 0;
	mask = atomic_load_relaxed(&log_is_open) ? atomic_load_relaxed(&log_mask[fac])
						 : atomic_load_relaxed(&log_mask_closed);
	if (pri >= DLOG_INFO)
		return pri >= mask ? flags : 0;
	return mask < DLOG_INFO && (pri & mask) != 0 ? flags : 0;
}

/* What a line begins with: time, host, tag, process, threads of two kinds, facility, priority. */
static size_t line_begin(char *line, size_t size, int flags)
{
	int fac = flags & DLOG_FACMASK;
	struct timespec now = { 0 };
	uint64_t ult = 0;
	uint32_t xs = 0;
	struct tm tm;
	size_t len;
	int rest;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)localtime_r(&now.tv_sec, &tm);
	if (log_state.id_cb != NULL)
		log_state.id_cb(&xs, &ult);
	len = strftime(line, size, "%Y/%m/%d-%H:%M:%S", &tm);
	rest = snprintf(line + len, size - len, ".%06ld %s %s[%d/%ld/%" PRIu64 "] %-4s %s ",
			now.tv_nsec / 1000, log_state.host,
			log_state.tag[0] != '\0' ? log_state.tag : LOG_TAG_DEFAULT, (int)getpid(),
			(long)syscall(SYS_gettid), ult,
			log_state.fac[fac < log_state.fac_count ? fac : 0].aname, pri_name(flags));
	return len + (rest > 0 ? MIN((size_t)rest, size - len - 1) : 0);
}

static void fd_write(int fd, const char *buf, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, buf, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;		/* a log that cannot be written has nowhere to complain */
		buf += done;
		len -= (size_t)done;
	}
}

void d_vlog(int flags, const char *fmt, va_list ap)
{
	int pri = flags & DLOG_PRIMASK;
	char line[DLOG_TBSZ];
	int saved = errno;
	size_t len;
	int rest;

	if (flags == 0)
		return;
	(void)pthread_mutex_lock(&log_lock);
	len = line_begin(line, sizeof(line) - 1, flags);
	rest = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, ap);
	if (rest > 0)
		len += MIN((size_t)rest, sizeof(line) - 2 - len);
	if (line[len - 1] != '\n')
		line[len++] = '\n';

	if (log_state.fd >= 0)
		fd_write(log_state.fd, line, len);
	if (log_state.fd < 0 || flags & DLOG_STDERR || log_state.flavor & DLOG_FLV_STDERR ||
	    (log_state.stderr_pri != 0 && pri >= DLOG_INFO && pri >= log_state.stderr_pri))
		fd_write(STDERR_FILENO, line, len);
	if (flags & DLOG_STDOUT || log_state.flavor & DLOG_FLV_STDOUT)
		fd_write(STDOUT_FILENO, line, len);
	(void)pthread_mutex_unlock(&log_lock);
	errno = saved;
}

void d_log(int flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d_vlog(flags, fmt, ap);
	va_end(ap);
}

/* Under the lock: give one facility, or with -1 all, a mask. */
static void mask_set(int fac, int pri)
{
	int mask = pri < DLOG_INFO ? pri & log_state.debug_bits : pri;
	int i;

	if (fac < 0)
		log_state.default_mask = pri;
	for (i = 0; i < LOG_FAC_MAX; i++) {
		if (fac < 0 || fac == i)
			atomic_store_relaxed(&log_mask[i], mask);
	}
}

/* Under the lock: number of the facility with a name of @len characters, or -1. */
static int fac_lookup(const char *name, size_t len)
{
	int i;

	for (i = 0; i < log_state.fac_count; i++) {
		const struct log_fac *fac = &log_state.fac[i];

		if ((strlen(fac->aname) == len && strncasecmp(fac->aname, name, len) == 0) ||
		    (strlen(fac->lname) == len && strncasecmp(fac->lname, name, len) == 0))
			return i;
	}
	return -1;
}

/* Under the lock: one piece of a mask, "PRIORITY" or "FACILITY=PRIORITY". */
static int mask_piece(const char *piece, size_t len)
{
	const char *eq = memchr(piece, '=', len);
	int fac = -1;
	int pri;

	if (eq != NULL) {
		fac = fac_lookup(piece, (size_t)(eq - piece));
		len -= (size_t)(eq + 1 - piece);
		piece = eq + 1;
	}
	pri = pri_lookup(piece, len);
	if (pri < 0)
		return -1;
	/* A facility may be named before it exists: see d_log_sync_mask(). */
	if (eq == NULL || fac >= 0)
		mask_set(fac, pri);
	return 0;
}

static int masks_set(const char *mstr, size_t len)
{
	int rc = 0;

	while (len > 0) {
		const char *comma = memchr(mstr, ',', len);
		size_t piece = comma != NULL ? (size_t)(comma - mstr) : len;

		if (piece > 0 && mask_piece(mstr, piece) != 0)
			rc = -1;
		piece += comma != NULL;
		mstr += piece;
		len -= piece;
	}
	return rc;
}

int d_log_setmasks(const char *mstr, int mlen)
{
	int rc;

	if (mstr == NULL)
		return -1;
	(void)pthread_mutex_lock(&log_lock);
	rc = masks_set(mstr, mlen < 0 ? strlen(mstr) : (size_t)mlen);
	(void)pthread_mutex_unlock(&log_lock);
	return rc;
}

int d_log_setlogmask(int facility, int mask)
{
	int former;

	if (facility < 0 || facility >= LOG_FAC_MAX || (mask & DLOG_PRIMASK) == 0)
		return -1;
	(void)pthread_mutex_lock(&log_lock);
	former = atomic_load_relaxed(&log_mask[facility]);
	mask_set(facility, mask & DLOG_PRIMASK);
	(void)pthread_mutex_unlock(&log_lock);
	return former;
}

/* Bits of debug messages from a list of names; all of them for "all" or nothing valid. */
static int debug_bits_parse(const char *list)
{
	int bits = 0;

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ",");
		int bit = name_lookup(log_bit, ARRAY_SIZE(log_bit), list, len);

		if (len == 3 && strncasecmp(list, "all", 3) == 0)
			return DLOG_DBG;
		if (bit > 0)
			bits |= bit;
		list += len + (list[len] == ',');
	}
	return bits != 0 ? bits : DLOG_DBG;
}

/* Under the lock: apply the environment. */
static void masks_from_env(void)
{
	char *val = NULL;

	if (d_agetenv_str(&val, DD_MASK_ENV) == 0) {
		log_state.debug_bits = debug_bits_parse(val);
		d_freeenv_str(&val);
	}
	if (d_agetenv_str(&val, DD_STDERR_ENV) == 0) {
		int pri = pri_lookup(val, strlen(val));

		if (pri >= DLOG_INFO)
			log_state.stderr_pri = pri;
		d_freeenv_str(&val);
	}
	mask_set(-1, log_state.default_mask);
	if (d_agetenv_str(&val, D_LOG_MASK_ENV) == 0) {
		(void)masks_set(val, strlen(val));	/* what is wrong in it is left out */
		d_freeenv_str(&val);
	}
}

void d_log_sync_mask(void)
{
	(void)pthread_mutex_lock(&log_lock);
	masks_from_env();
	(void)pthread_mutex_unlock(&log_lock);
}

/* Under the lock. */
static int log_open(const char *tag, int default_mask, int stderr_pri, const char *file, int flavor,
		    d_log_id_cb_t id_cb)
{
	int fd = -1;

	if (file != NULL) {
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return d_errno2der(errno);
	}
	if (gethostname(log_state.host, sizeof(log_state.host) - 1) != 0)
		(void)snprintf(log_state.host, sizeof(log_state.host), "?");
	if (!(flavor & DLOG_FLV_FQDN))
		log_state.host[strcspn(log_state.host, ".")] = '\0';
	(void)snprintf(log_state.tag, sizeof(log_state.tag), "%s", tag != NULL ? tag : "");
	log_state.fd = fd;
	log_state.flavor = flavor;
	log_state.stderr_pri = stderr_pri & DLOG_PRINDMASK;
	log_state.id_cb = id_cb;
	mask_set(-1, default_mask & DLOG_PRIMASK);
	atomic_store_release(&log_is_open, true);
	return 0;
}

/* Under the lock. */
static void log_close(void)
{
	atomic_store_release(&log_is_open, false);
	if (log_state.fd >= 0)
		(void)close(log_state.fd);
	log_state.fd = -1;
	log_state.flavor = 0;
	log_state.stderr_pri = 0;
	log_state.id_cb = NULL;
	log_state.open_count = 0;
}

int d_log_open(char *tag, int maxfac_hint, int default_mask, int stderr_mask, char *logfile,
	       int flags, d_log_id_cb_t id_cb)
{
	int rc = -1;

	(void)maxfac_hint;
	(void)pthread_mutex_lock(&log_lock);
	if (!atomic_load_relaxed(&log_is_open))
		rc = log_open(tag, default_mask, stderr_mask, logfile, flags, id_cb);
	(void)pthread_mutex_unlock(&log_lock);
	return rc == 0 ? 0 : -1;
}

void d_log_close(void)
{
	(void)pthread_mutex_lock(&log_lock);
	log_close();
	(void)pthread_mutex_unlock(&log_lock);
}

int d_log_init_adv(char *log_tag, char *log_file, unsigned int flavor, d_dbug_t def_mask,
		   d_dbug_t err_mask, d_log_id_cb_t id_cb)
{
	char *with_pid = NULL;
	bool add_pid = false;
	int rc = 0;

	(void)d_getenv_bool(D_LOG_FILE_APPEND_PID_ENV, &add_pid);	/* not set: no */
	if (log_file != NULL && add_pid) {
		if (d_asprintf(&with_pid, "%s.%d", log_file, (int)getpid()) < 0)
			return -DER_NOMEM;
		log_file = with_pid;
	}
	(void)pthread_mutex_lock(&log_lock);
	if (!atomic_load_relaxed(&log_is_open)) {
		rc = log_open(log_tag, (int)def_mask, (int)err_mask, log_file, (int)flavor, id_cb);
		if (rc == 0)
			masks_from_env();
	}
	if (rc == 0)
		log_state.open_count++;
	(void)pthread_mutex_unlock(&log_lock);
	free(with_pid);
	return rc;
}

int d_log_init(void)
{
	char *file = NULL;
	int rc;

	rc = d_agetenv_str(&file, D_LOG_FILE_ENV);
	if (rc != 0 && rc != -DER_NONEXIST)
		return rc;
	rc = d_log_init_adv(NULL, file, DLOG_FLV_LOGPID | DLOG_FLV_FAC | DLOG_FLV_TAG, DLOG_ERR,
			    DLOG_CRIT, NULL);
	d_freeenv_str(&file);
	return rc;
}

void d_log_fini(void)
{
	(void)pthread_mutex_lock(&log_lock);
	if (log_state.open_count > 0 && --log_state.open_count == 0)
		log_close();
	(void)pthread_mutex_unlock(&log_lock);
}

void d_log_sync(void)
{
	(void)pthread_mutex_lock(&log_lock);
	if (log_state.fd >= 0)
		(void)fdatasync(log_state.fd);	/* nowhere to complain */
	(void)pthread_mutex_unlock(&log_lock);
}

int d_log_allocfacility(const char *aname, const char *lname)
{
	int num = -1;

	(void)pthread_mutex_lock(&log_lock);
	if (aname != NULL)
		num = fac_lookup(aname, strlen(aname));
	if (num < 0 && log_state.fac_count < LOG_FAC_MAX) {
		struct log_fac *fac;

		num = log_state.fac_count++;
		fac = &log_state.fac[num];
		(void)snprintf(fac->aname, sizeof(fac->aname), "%s", aname != NULL ? aname : "");
		(void)snprintf(fac->lname, sizeof(fac->lname), "%s", lname != NULL ? lname : "");
	}
	(void)pthread_mutex_unlock(&log_lock);
	return num;
}

int d_add_log_facility(const char *aname, const char *lname)
{
	return d_log_allocfacility(aname, lname);
}

int d_init_log_facility(int *fac, const char *aname, const char *lname)
{
	int num;

	if (fac == NULL)
		return -DER_INVAL;
	num = d_log_allocfacility(aname, lname);
	if (num < 0)
		return -DER_NOMEM;
	*fac = num;
	return 0;
}
