// Prints what a probe wants to know, if this member lets root in; otherwise ends with an error.
const admin = new Mongo(ADDRESS).getDB("admin");
admin.auth(ROOT.user, ROOT.pwd);
const state = admin.hello();
const kind = state.isWritablePrimary ? "primary" : state.secondary ? "secondary" : "other";
print(`state=${kind}`);
print(`primary=${state.primary || ""}`);
