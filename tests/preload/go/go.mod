module patchall/go

go 1.19
