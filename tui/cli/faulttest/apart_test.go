package faulttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// apart starts a command with what it needs of its own: a network, mounts.
func apart(c *exec.Cmd, a around) {
	var flags uintptr
	if a.Namespace {
		flags |= syscall.CLONE_NEWNET
	}
	if a.Disk > 0 {
		flags |= syscall.CLONE_NEWNS
	}
	if flags == 0 {
		return
	}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  flags | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// ownDisk mounts a file system of so many bytes on the folder "disk".
func ownDisk(size int, options string) error {
	if err := os.Mkdir("disk", 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "disk", "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if options == "ro" {
		return syscall.Mount("", "disk", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	}
	return nil
}

// keepDisk copies what lies on the disk, which goes with the process.
func keepDisk() {
	if err := os.Mkdir("kept", 0o700); err != nil {
		panic(err)
	}
	entries, _ := os.ReadDir("disk") // none is none
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join("disk", e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join("kept", e.Name()), b, 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
}
