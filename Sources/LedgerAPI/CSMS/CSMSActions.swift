// CSMSActions: what the calls of Huawei Cloud CSMS are called in policies.
//
// Read by the route table. Each has the name of identity policies first, then that of the older
// roles and policies. Source: "Authorization Information" of each operation's page. The names
// `csms:version:*` and `csms:secret:cancelDeletion` are this service's own and mean the same.

import LedgerServices

/// The actions of the cloud that have more than one name.
enum CSMSActions {
  static let scheduleDeletion = PolicyAction(
    "csms:secret:scheduleDeletion", aliases: ["csms:secret:deleteScheduled"])
  static let cancelDeletion = PolicyAction(
    "csms:secret:restoreSecret",
    aliases: ["csms:secret:deleteCancelled", "csms:secret:cancelDeletion"])
  static let listVersions = PolicyAction(
    "csms:secret:listVersion", aliases: ["csms:secretVersion:list", "csms:version:list"])
  static let createVersion = PolicyAction(
    "csms:secret:createVersion", aliases: ["csms:secretVersion:create", "csms:version:create"])
  static let getVersion = PolicyAction(
    "csms:secret:getVersion", aliases: ["csms:secretVersion:get", "csms:version:get"])
  static let getStage = PolicyAction("csms:secret:getStage", aliases: ["csms:secretStage:get"])
  static let createStage = PolicyAction(
    "csms:secret:createStage", aliases: ["csms:secretStage:create"])
  static let updateStage = PolicyAction(
    "csms:secret:updateStage", aliases: ["csms:secretStage:update"])
  static let deleteStage = PolicyAction(
    "csms:secret:deleteStage", aliases: ["csms:secretStage:delete"])
}
