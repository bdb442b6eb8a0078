package perch

// APIVersion is the version of the wire contract, which clients send in the Finch-API-Version header.
const APIVersion = "2020-09-17"
