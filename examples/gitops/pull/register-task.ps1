# Run once as administrator: pulls every minute, as SYSTEM, one at a time.
$action = New-ScheduledTaskAction -Execute 'powershell.exe' `
    -Argument '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "C:\Program Files\hcs-reconcile\pull.ps1"'
$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date) -RepetitionInterval (New-TimeSpan -Minutes 1)
$settings = New-ScheduledTaskSettingsSet -MultipleInstances IgnoreNew -StartWhenAvailable `
    -ExecutionTimeLimit (New-TimeSpan -Minutes 2)
Register-ScheduledTask -TaskName 'hcs-reconcile pull' -User 'SYSTEM' -RunLevel Highest `
    -Action $action -Trigger $trigger -Settings $settings -Force
