// Makes the replica set and its accounts, as far as they are not there; run on every member until it succeeds.
// It succeeds when this member lets root in and, on the primary, when every account is as it should be.
//
// Before there is a user, MongoDB lets a client from 127.0.0.1 found the set and create the first user (its
// "localhost exception"). That user is made on the primary, whichever member this is.

const ALREADY_INITIALIZED = 23;
const AUTHENTICATION_FAILED = 18;
const USER_EXISTS = 51003;
const MAJORITY = { w: "majority", wtimeout: 10000 };

function later(reason) {
  print(`[setup] ${reason}: trying again`);
  quit(1);
}

// Whether the work was done; an error that is not expected ends this attempt.
function attempt(work, expected) {
  try {
    work();
    return true;
  } catch (error) {
    if (!expected.includes(error.code)) later(error.codeName || error.message);
    return false;
  }
}

let admin, state;
attempt(() => {
  admin = new Mongo(ADDRESS).getDB("admin");
  state = admin.hello();
}, []);

if (!state.setName) {
  if (!IS_FOUNDER) later("the set is not founded yet");
  attempt(() => admin.adminCommand({ replSetInitiate: SET }), [ALREADY_INITIALIZED]);
  later("the set is founded, but has no primary yet");
}
if (!state.primary) later("the set has no primary yet");

const logIn = () => admin.auth(ROOT.user, ROOT.pwd);
if (!attempt(logIn, [AUTHENTICATION_FAILED])) {
  if (!state.isWritablePrimary) later("the accounts have not come from the primary yet");
  attempt(() => admin.createUser(ROOT, MAJORITY), [USER_EXISTS]);
  attempt(logIn, []);
}
if (state.isWritablePrimary) {
  for (const account of ACCOUNTS) {
    const { user, ...rights } = account;
    if (!attempt(() => admin.createUser(account, MAJORITY), [USER_EXISTS])) {
      attempt(() => admin.updateUser(user, rights, MAJORITY), []);
    }
  }
}
print("[setup] the set and its accounts are there");
