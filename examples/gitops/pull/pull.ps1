# Brings a clone to the newest commit of its branch, if the manifests there are
# valid. The daemon follows the folder in it, and sees the change within a moment.
param(
    [string]$Clone = 'C:\ProgramData\hcs-reconcile\repo',
    [string]$Branch = 'main',
    [string]$Folder = 'manifests'
)
$ErrorActionPreference = 'Stop'
$env:GIT_TERMINAL_PROMPT = '0'

function Invoke-Checked([string]$Program) {
    & $Program @args
    if ($LASTEXITCODE -ne 0) { throw "$Program $args ended with $LASTEXITCODE" }
}

Invoke-Checked git -C $Clone fetch --quiet origin $Branch
$new = Invoke-Checked git -C $Clone rev-parse FETCH_HEAD
if ($new -eq (Invoke-Checked git -C $Clone rev-parse HEAD)) { exit 0 }

# Look before the daemon does.
$check = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid())
try {
    Invoke-Checked git -C $Clone worktree add --quiet --detach $check $new
    Invoke-Checked hcs-reconcile validate (Join-Path $check $Folder)
} finally {
    git -C $Clone worktree remove --force $check 2>$null
}

Invoke-Checked git -C $Clone reset --quiet --hard $new
"at $new"
