// CSMSActions: the older names Huawei Cloud has for the actions of CSMS, which policies may hold.
//
// Read by `Call` when it asks a policy. Source: the "Authorization Information" of each operation.

enum CSMSActions {
  static let aliases: [String: [String]] = [
    "csms:secret:getStage": ["csms:secretStage:get"],
    "csms:secret:updateStage": ["csms:secretStage:update"],
    "csms:secret:deleteStage": ["csms:secretStage:delete"],
    "csms:version:create": ["csms:secret:createVersion", "csms:secretVersion:create"],
  ]
}
