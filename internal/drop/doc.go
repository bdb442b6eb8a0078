// Package drop takes in files that arrive by themselves: in a watched folder per connection, and over
// SFTP. What arrives becomes an upload of internal/assist like any other; if its columns are those of
// the last file it is published without anybody looking, and else it waits in the queue.
//
// A folder is looked at every few seconds. A file is taken once it has stopped changing; names that
// programs use while they still write (".part", ".tmp", a leading dot) are left alone until they are
// renamed. It is claimed by renaming it, read into the sealed store, and deleted.
//
// The SFTP server has no file system behind it: what a client writes is sealed as it comes, and there is
// nothing to read. So nobody can leave a jail, and a broken transfer leaves nothing behind.
//
// Neighbours: internal/assist reads and publishes; internal/app starts this where it is configured.
package drop
