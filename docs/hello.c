/* The smallest useful program: a file in a POSIX container. See README.md for how to build and run it. */
#include <stdio.h>
#include <fcntl.h>
#include <daos.h>
#include <daos_fs.h>

int main(void)
{
	dfs_t *dfs;
	dfs_obj_t *file;
	char text[] = "hello, objects", back[sizeof(text)];
	d_iov_t iov;
	d_sg_list_t sgl = { .sg_nr = 1, .sg_iovs = &iov };
	daos_size_t got;
	int rc;

	rc = dfs_init();
	if (rc == 0)
		rc = dfs_connect("pool", NULL, "home", O_CREAT | O_RDWR, NULL, &dfs);
	if (rc != 0)
		return rc;
	rc = dfs_open(dfs, NULL, "greeting", S_IFREG | 0644, O_CREAT | O_RDWR, 0, 0, NULL, &file);
	if (rc == 0) {
		d_iov_set(&iov, text, sizeof(text));
		rc = dfs_write(dfs, file, &sgl, 0, NULL);
		d_iov_set(&iov, back, sizeof(back));
		if (rc == 0)
			rc = dfs_read(dfs, file, &sgl, 0, &got, NULL);
		if (rc == 0)
			printf("%s (%lu bytes)\n", back, (unsigned long)got);
		dfs_release(file);
	}
	dfs_disconnect(dfs);
	dfs_fini();
	return rc;
}
