//! Simulates a folder on a disk that guarantees no more than POSIX. A file's content survives a
//! power cut once `fsync` of the file has returned; a name's creation or removal survives once
//! `fsync` of its folder has. All other changes may survive or not, in any order.

use crate::calls::Call;
use std::collections::{BTreeMap, HashMap};

/// File names and contents.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

#[derive(Clone, Debug, Default)]
struct Inode {
    /// The content as programs see it.
    now: Vec<u8>,
    /// The content that a power cut leaves in the worst case.
    synced: Vec<u8>,
}

/// A change of names since the folder's last `fsync`.
#[derive(Clone, Debug)]
enum Change {
    Put(String, usize),
    Remove(String),
    Rename(String, String, usize),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put(name, inode) => _ = names.insert(name.clone(), *inode),
            Self::Remove(name) => _ = names.remove(name),
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

enum Open {
    File { inode: usize, position: u64 },
    Folder,
}

/// A fault of the disk, to test whether the checks notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgets {
    Nothing,
    /// `fsync` of files does nothing.
    Files,
    /// `fsync` of folders does nothing.
    Folders,
}

/// The folder's state, computed from the calls on it.
pub(crate) struct Disk {
    forgets: Forgets,
    folder: String,
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    synced: BTreeMap<String, usize>,
    changes: Vec<Change>,
    open: HashMap<u64, Open>,
}

impl Disk {
    pub(crate) fn new(folder: &str, forgets: Forgets) -> Self {
        Self {
            forgets,
            folder: folder.to_owned(),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            synced: BTreeMap::new(),
            changes: Vec::new(),
            open: HashMap::new(),
        }
    }

    fn name(&self, path: &str) -> Option<String> {
        path.strip_prefix(&self.folder)?.strip_prefix('/').map(str::to_owned)
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn file(&mut self, descriptor: u64) -> Option<(&mut Inode, &mut u64)> {
        match self.open.get_mut(&descriptor)? {
            Open::File { inode, position } => Some((&mut self.inodes[*inode], position)),
            Open::Folder => None,
        }
    }

    /// Applies a call. Returns whether it concerned the folder.
    pub(crate) fn take(&mut self, call: &Call) -> bool {
        match call.name.as_str() {
            "openat" | "open" => {
                let at = usize::from(call.name == "openat");
                self.opened(&call.path(at), &call.arguments[at + 1], call.result)
            }
            "close" => self.open.remove(&call.number(0)).is_some(),
            "write" | "pwrite64" => {
                let (bytes, at) = (call.bytes(1), call.arguments.get(3).map(|_| call.number(3)));
                assert!(bytes.len() as u64 >= call.result, "strace cut it: {}", call.line);
                let Some((inode, position)) = self.file(call.number(0)) else { return false };
                let from = at.unwrap_or(*position);
                let end = usize::try_from(from + call.result).unwrap();
                inode.now.resize(inode.now.len().max(end), 0);
                inode.now[usize::try_from(from).unwrap()..end]
                    .copy_from_slice(&bytes[..usize::try_from(call.result).unwrap()]);
                if at.is_none() {
                    *position = from + call.result;
                }
                true
            }
            "ftruncate" => {
                let length = usize::try_from(call.number(1)).unwrap();
                let Some((inode, _)) = self.file(call.number(0)) else { return false };
                inode.now.resize(length, 0);
                true
            }
            "fsync" | "fdatasync" => match self.open.get(&call.number(0)) {
                Some(Open::Folder) if self.forgets == Forgets::Folders => true,
                Some(Open::File { .. }) if self.forgets == Forgets::Files => true,
                Some(Open::Folder) => {
                    self.changes.drain(..).for_each(|change| change.apply(&mut self.synced));
                    true
                }
                Some(&Open::File { inode, .. }) => {
                    self.inodes[inode].synced = self.inodes[inode].now.clone();
                    true
                }
                None => false,
            },
            "rename" => self.renamed(&call.path(0), &call.path(1), &call.line),
            "renameat" | "renameat2" => self.renamed(&call.path(1), &call.path(3), &call.line),
            "unlink" => self.removed(&call.path(0)),
            "unlinkat" => self.removed(&call.path(1)),
            other => {
                // The store uses no other call that changes a file. If it ever does, this disk must
                // learn it.
                let is_open = self.file(call.number(0)).is_some();
                assert!(!is_open, "this disk does not know {other}: {}", call.line);
                false
            }
        }
    }

    fn opened(&mut self, path: &str, flags: &str, descriptor: u64) -> bool {
        if path == self.folder {
            self.open.insert(descriptor, Open::Folder);
            return true;
        }
        let Some(name) = self.name(path) else { return false };
        let inode = match self.names.get(&name) {
            Some(&inode) => inode,
            None => {
                assert!(flags.contains("O_CREAT"), "{path} is not known ({flags})");
                self.inodes.push(Inode::default());
                self.change(Change::Put(name, self.inodes.len() - 1));
                self.inodes.len() - 1
            }
        };
        if flags.contains("O_TRUNC") {
            self.inodes[inode].now.clear();
        }
        self.open.insert(descriptor, Open::File { inode, position: 0 });
        true
    }

    fn renamed(&mut self, from: &str, to: &str, line: &str) -> bool {
        let (Some(from), Some(to)) = (self.name(from), self.name(to)) else { return false };
        let inode = *self.names.get(&from).unwrap_or_else(|| panic!("{line}"));
        self.change(Change::Rename(from, to, inode));
        true
    }

    fn removed(&mut self, path: &str) -> bool {
        let Some(name) = self.name(path) else { return false };
        self.change(Change::Remove(name));
        true
    }

    /// Returns the files as programs see them.
    pub(crate) fn now(&self) -> Files {
        self.with(&self.names, |inode| &inode.now)
    }

    /// Returns the possible states after a power cut. The names are those of the last sync, the
    /// current ones, or those of the last sync with one of the changes since; the contents are the
    /// synced or the current ones.
    pub(crate) fn after_power_cut(&self) -> Vec<Files> {
        let one_change = |change: &Change| {
            let mut names = self.synced.clone();
            change.apply(&mut names);
            names
        };
        let mut all_names = vec![self.synced.clone(), self.names.clone()];
        all_names.extend(self.changes.iter().map(one_change));
        let mut states: Vec<Files> = Vec::new();
        for names in all_names {
            for state in
                [self.with(&names, |inode| &inode.synced), self.with(&names, |inode| &inode.now)]
            {
                if !states.contains(&state) {
                    states.push(state);
                }
            }
        }
        states
    }

    fn with<'d>(
        &'d self,
        names: &BTreeMap<String, usize>,
        content: impl Fn(&'d Inode) -> &'d Vec<u8>,
    ) -> Files {
        let named = |(name, inode): (&String, &usize)| {
            (name.clone(), content(&self.inodes[*inode]).clone())
        };
        names.iter().map(named).collect()
    }
}
